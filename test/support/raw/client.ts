import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameType } from '../../../src/protocol/frames/frame.js';
import { atEnd, HOST } from '../harness.js';
import { nodeFraming, PacketKind, webSocketFraming, type Framing } from './framing.js';
import { rawHello, RawSession } from './session.js';

export type TransportName = Framing['name'];

const UPGRADES: Record<TransportName, readonly string[]> = {
  nodeTransport: ['Upgrade: node-transport'],
  websocket: [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ],
};

/** The request that begins a connection, right but for what is given. */
export function upgradeRequest(
  transport: TransportName,
  { path = '/socket.io/', query = `EIO=4&transport=${transport}&n2n=1`, headers = UPGRADES[transport] } = {},
): string {
  return [`GET ${path}?${query} HTTP/1.1`, `Host: ${HOST}`, 'Connection: Upgrade', ...headers, '', ''].join(
    '\r\n',
  );
}

/** A connection on which nothing has been sent. The other side may end it without it ending its own half. */
export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, allowHalfOpen: true });
  socket.on('error', () => {});
  atEnd(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Reads up to the end of an HTTP head, and what has come behind it. */
export function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let came = Buffer.alloc(0);
    const failed = (): void => reject(new Error(`the connection has ended after "${String(came)}"`));
    const onData = (bytes: Buffer): void => {
      came = Buffer.concat([came, bytes]);
      const end = came.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      socket.off('end', failed);
      // Until a session listens, what follows waits.
      socket.pause();
      resolve({ head: came.subarray(0, end).toString('latin1'), rest: came.subarray(end + 4) });
    };
    socket.on('data', onData);
    socket.on('end', failed);
  });
}

/** A raw client past the handshakes of HTTP, Engine.IO and Socket.IO. Its next words are to be HELLO. */
export async function rawClient(
  port: number,
  transport: TransportName,
  request: Parameters<typeof upgradeRequest>[1] = {},
): Promise<RawSession> {
  const socket = await rawSocket(port);
  socket.write(upgradeRequest(transport, request));
  const { head, rest } = await readHead(socket);
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${head}`);
  const framing = transport === 'nodeTransport' ? nodeFraming() : webSocketFraming(true);
  const session = new RawSession(socket, framing, rest);
  await session.packet(PacketKind.OPEN);
  session.sendPacket(PacketKind.MESSAGE, '0');
  await session.packet(PacketKind.MESSAGE);
  return session;
}

/** A raw client that has said HELLO, and was answered. */
export async function greetedClient(
  port: number,
  transport: TransportName,
  hello?: object,
): Promise<RawSession> {
  const session = await rawClient(port, transport);
  session.send(rawHello(hello));
  await session.frame({ type: FrameType.HELLO, id: 0 });
  return session;
}
