import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { FrameType } from '../../../src/protocol/frames/frame.js';
import { N2NClient, type N2NClientOptions } from '../../../src/index.js';
import { atEnd, HOST, portOf } from '../harness.js';
import { readHead, type TransportName } from './client.js';
import { nodeFraming, PacketKind, webSocketFraming } from './framing.js';
import { rawHello, RawSession } from './session.js';

const OPEN = JSON.stringify({
  sid: 'raw',
  upgrades: [],
  pingInterval: 25_000,
  pingTimeout: 20_000,
  maxPayload: 1_000_000,
});

export interface RawServer {
  readonly port: number;
  readonly url: string;
  /** The next connection, with its request and what came behind that. */
  connection(): Promise<{ socket: Socket; head: string; rest: Buffer }>;
  /** The next connection, past the handshakes of HTTP, Engine.IO and Socket.IO. */
  session(): Promise<RawSession>;
}

/** A server that answers by hand. */
export async function rawServer(): Promise<RawServer> {
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    atEnd(() => socket.destroy());
    const next = waiting.shift();
    if (next === undefined) sockets.push(socket);
    else next(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  const connection: RawServer['connection'] = async () => {
    const socket = sockets.shift() ?? (await new Promise<Socket>((resolve) => waiting.push(resolve)));
    return { socket, ...(await readHead(socket)) };
  };
  const session = async (): Promise<RawSession> => {
    const { socket, head, rest } = await connection();
    return acceptUpgrade(socket, head, rest);
  };
  const port = portOf(server);
  return { port, url: `http://${HOST}:${port}`, connection, session };
}

/** Answers 101, and the handshakes that follow. */
export async function acceptUpgrade(socket: Socket, head: string, rest: Buffer): Promise<RawSession> {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1];
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade'];
  if (key === undefined) {
    lines.push('Upgrade: node-transport');
  } else {
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    lines.push('Upgrade: websocket', `Sec-WebSocket-Accept: ${accept}`);
  }
  socket.write([...lines, '', ''].join('\r\n'));
  const session = new RawSession(socket, key === undefined ? nodeFraming() : webSocketFraming(false), rest);
  session.sendPacket(PacketKind.OPEN, OPEN);
  await session.packet(PacketKind.MESSAGE);
  session.sendPacket(PacketKind.MESSAGE, '0{"sid":"raw"}');
  return session;
}

/** A client that dials a raw server, and does not come back by itself. */
export function clientOf(
  { url }: RawServer,
  transport: TransportName,
  options: N2NClientOptions = {},
): N2NClient {
  const client = new N2NClient({
    url,
    logging: false,
    reconnect: false,
    // What answers by hand answers no GOAWAY.
    drainTimeout: 0,
    transports: [transport],
    ...options,
  });
  atEnd(() => client.close());
  return client;
}

/** A client and the raw end of its connection, both past HELLO. */
export async function greetedPair(
  transport: TransportName,
  options?: N2NClientOptions,
  hello?: object,
): Promise<{ client: N2NClient; session: RawSession; server: RawServer }> {
  const server = await rawServer();
  const client = clientOf(server, transport, options);
  const connected = client.connect();
  const session = await server.session();
  await session.frame({ type: FrameType.HELLO, id: 0 });
  session.send(rawHello(hello));
  await connected;
  return { client, session, server };
}
