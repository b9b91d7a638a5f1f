import * as http from 'node:http';
import * as https from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerAddress } from './server-address.js';
import type { TlsOptions } from '../node-client/node-client-options.js';

/**
 * The HTTP agent of one connection attempt. It keeps the sockets that it opened.
 *
 * A transport closes slowly if the other side does not answer: a WebSocket waits for half a minute. With the sockets, an
 * attempt can be stopped immediately, whatever the state of its transport.
 */
export interface ConnectionAgent {
  readonly agent: http.Agent;
  readonly sockets: ReadonlySet<Socket>;
}

export function createConnectionAgent(address: ServerAddress, tls: Readonly<TlsOptions>): ConnectionAgent {
  const sockets = new Set<Socket>();
  const remember = (stream: Duplex | null | undefined): void => {
    if (!(stream instanceof Socket)) return;
    sockets.add(stream);
    stream.once('close', () => sockets.delete(stream));
  };
  const unix: UnixAddress = address.kind === 'unix' ? { socketPath: address.socketPath } : {};
  if (!address.secure) return { agent: new RememberingHttpAgent(unix, remember), sockets };
  return {
    agent: new RememberingHttpsAgent({ rejectUnauthorized: true, ...tls, ...unix }, remember),
    sockets,
  };
}

/** An option of agents that their types do not have. */
interface UnixAddress {
  socketPath?: string;
}

type Remember = (stream: Duplex | null | undefined) => void;

class RememberingHttpAgent extends http.Agent {
  constructor(
    options: http.AgentOptions & UnixAddress,
    private readonly remember: Remember,
  ) {
    super(options);
  }

  override createConnection(
    ...connectArguments: Parameters<http.Agent['createConnection']>
  ): Duplex | null | undefined {
    const socket = super.createConnection(...connectArguments);
    this.remember(socket);
    return socket;
  }
}

class RememberingHttpsAgent extends https.Agent {
  constructor(
    options: https.AgentOptions & UnixAddress,
    private readonly remember: Remember,
  ) {
    super(options);
  }

  override createConnection(
    ...connectArguments: Parameters<https.Agent['createConnection']>
  ): Duplex | null | undefined {
    const socket = super.createConnection(...connectArguments);
    this.remember(socket);
    return socket;
  }
}
