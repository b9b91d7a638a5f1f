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

/** The name of this transport on both sides. */
export const NODE_TRANSPORT = 'nodeTransport';

/** The token of the `Upgrade` header that turns an HTTP connection into the transport's raw stream. */
export const UPGRADE_TOKEN = 'node-transport';

/** The server's half of nodeTransport: packets on a raw stream after an HTTP upgrade, which `NodeEngine` answers. */
export class NodeServerTransport extends StreamServerTransport {
  override get name(): string {
    return NODE_TRANSPORT;
  }
}

/** The options of Engine.IO's client that TLS and `http.request` take. */
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

/** The client's half of nodeTransport. */
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
      // Invalid options throw synchronously, but Engine.IO listens to the transport only after `open` returns.
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
    /** Stops the reports of the attempt. Later errors of the aborted request are ignored. */
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
