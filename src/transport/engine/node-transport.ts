import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../n2n-error.js';
import { MAX_PACKET_BYTES } from '../../limits.js';
import { StreamClientTransport, type StreamOpening } from './stream-client-transport.js';
import { StreamServerTransport } from './stream-server-transport.js';

/** The name by which both ends choose this transport. */
export const NODE_TRANSPORT = 'nodeTransport';

/** The token of the `Upgrade` header that turns an HTTP connection into the transport's raw stream. */
export const UPGRADE_TOKEN = 'node-transport';

/** nodeTransport, the server's half: raw stream packets behind an HTTP Upgrade, which `NodeEngine` answers. */
export class NodeServerTransport extends StreamServerTransport {
  override get name(): string {
    return NODE_TRANSPORT;
  }
}

/** What TLS and `http.request` take of the options that Engine.IO's client hands to its transports. */
const CONNECTION_OPTIONS = [
  'agent',
  'pfx',
  'key',
  'passphrase',
  'cert',
  'ca',
  'ciphers',
  'rejectUnauthorized',
  'checkServerIdentity',
  'servername',
  'minVersion',
  'localAddress',
  'family',
  'socketPath',
] as const;

/** nodeTransport, the client's half. */
export class NodeClientTransport extends StreamClientTransport {
  override get name(): string {
    return NODE_TRANSPORT;
  }

  protected get maxBytes(): number {
    const { maxPayload } = this.options;
    return typeof maxPayload === 'number' ? maxPayload : MAX_PACKET_BYTES;
  }

  protected openStream(opening: StreamOpening): () => void {
    const { options } = this;
    const send = options['secure'] === true ? httpsRequest : httpRequest;
    let request: ClientRequest;
    try {
      request = send(this.createUri(options['secure'] === true ? 'https' : 'http', this.query), {
        ...pick(options, CONNECTION_OPTIONS),
        headers: {
          ...(options['extraHeaders'] as Record<string, string> | undefined),
          Connection: 'Upgrade',
          Upgrade: UPGRADE_TOKEN,
        },
      } as RequestOptions);
    } catch (error) {
      // Bad options throw at once, but Engine.IO listens to the transport only after `open` has returned.
      const early = setImmediate(() => opening.onError(`node transport error: ${messageOf(error)}`, error));
      return () => clearImmediate(early);
    }
    const fail = (reason: string, cause?: unknown): void => {
      settle();
      opening.onError(`node transport error: ${reason}`, cause);
    };
    const onUpgrade = (response: IncomingMessage, stream: Duplex, head: Buffer): void => {
      if (response.headers.upgrade !== UPGRADE_TOKEN) {
        stream.destroy();
        fail(`the server upgraded to "${String(response.headers.upgrade)}" instead of "${UPGRADE_TOKEN}"`);
        return;
      }
      settle();
      if (head.length > 0) stream.unshift(head);
      if (options['autoUnref'] === true && 'unref' in stream && typeof stream.unref === 'function')
        stream.unref();
      opening.onOpen(stream);
    };
    const onResponse = (response: IncomingMessage): void => {
      response.destroy();
      fail(`the server answered ${response.statusCode} ${response.statusMessage} to the upgrade`, response);
    };
    const onError = (error: Error): void => fail(messageOf(error), error);
    /** Ends the attempt's reports; an error of the aborted request has no one to go to. */
    const settle = (): void => {
      request.off('upgrade', onUpgrade).off('response', onResponse).off('error', onError);
      request.on('error', () => {});
    };
    request.on('upgrade', onUpgrade).on('response', onResponse).on('error', onError).end();
    return () => {
      settle();
      request.destroy();
    };
  }

  private get options(): Record<string, unknown> {
    return this.opts as Record<string, unknown>;
  }
}

function pick(from: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name];
  return picked;
}
