import { once } from 'node:events';
import { createServer, get, type Server as HttpServer } from 'node:http';
import { connect } from 'node:net';
import { Manager, type ManagerOptions, type Socket as ClientSocket } from 'socket.io-client';
import { Server as StockServer, type Server, type ServerOptions } from 'socket.io';
import { listen, type ListenSettings } from '../../src/node.js';
import { clientTransport } from '../../src/transport/engine/transport-registry.js';
import { atEnd, HOST, portOf } from '../support/harness.js';
import { recordingLogger } from '../support/recording-logger.js';

export const OVER = ['nodeTransport', 'websocket'] as const;

/** An HTTP server with a route of its own, which does not listen yet. */
export function httpServer(): HttpServer {
  const http = createServer((request, response) => response.end(`route ${request.url}`));
  atEnd(() => {
    http.closeAllConnections();
    if (http.listening) http.close();
  });
  return http;
}

export async function bind(http: HttpServer, port = 0): Promise<number> {
  http.listen(port, HOST);
  await once(http, 'listening');
  return portOf(http);
}

/** A Socket.IO server of ours, which answers `who` with a name. */
export function serve(target: HttpServer | number, settings: ListenSettings = {}, name: string = 'n2n') {
  const logger = recordingLogger();
  const io = listen(target, { logger, ...settings });
  introduce(io, name);
  // An HTTP server closes when all who share it have ended their connections.
  atEnd(() => void io.close());
  return { io, logger };
}

/** A Socket.IO server as it comes. Nest's `IoAdapter` makes one likewise. */
export function serveStock(http: HttpServer, options: Partial<ServerOptions> = {}): Server {
  const io = new StockServer(http, options);
  introduce(io, 'stock');
  // An HTTP server closes when all who share it have ended their connections.
  atEnd(() => void io.close());
  return io;
}

function introduce(io: Server, name: string): void {
  io.on('connection', (socket) => socket.on('who', (answer: (who: string) => void) => answer(name)));
}

export function dial(port: number, transport: string, options: object = {}): ClientSocket {
  const all: Partial<ManagerOptions> = Object.assign(
    {
      hostname: HOST,
      port,
      path: '/socket.io/',
      transports: [clientTransport(transport)],
      reconnection: false,
    },
    options,
  );
  const socket = new Manager(all).socket('/');
  atEnd(() => socket.disconnect());
  return socket;
}

/** Who answers there. */
export async function whoIsAt(port: number, transport: string, options?: object): Promise<unknown> {
  const socket = dial(port, transport, options);
  const refused = new Promise<never>((_resolve, reject) => socket.once('connect_error', reject));
  const who = await Promise.race([socket.emitWithAck('who') as Promise<unknown>, refused]);
  socket.disconnect();
  return who;
}

export async function answerTo(port: number, path: string): Promise<string> {
  const request = get({ host: HOST, port, path, agent: false });
  const [response] = await once(request, 'response');
  let text = `${response.statusCode} `;
  for await (const part of response) text += part;
  return text;
}

/** All that comes for an upgrade until its connection ends. */
export async function upgradeAnswer(port: number, path: string): Promise<string> {
  const socket = connect(port, HOST);
  atEnd(() => socket.destroy());
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  let answer = '';
  socket.on('data', (bytes) => (answer += bytes.toString()));
  await once(socket, 'close');
  return answer;
}

/** How many listeners there are for each event. */
export function listenersOf(http: HttpServer): Record<string, number> {
  return Object.fromEntries(http.eventNames().map((name) => [String(name), http.listenerCount(name)]));
}
