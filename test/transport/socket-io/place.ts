import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server as HttpServer,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket as NetSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'socket.io';
import { Manager, type ManagerOptions, type Socket as ClientSocket } from 'socket.io-client';
import { n2nParser } from '../../../src/transport/socket-io/n2n-parser.js';
import { listen, type ListenSettings } from '../../../src/transport/http/listen.js';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { createAuthority } from '../../support/certificates.js';
import { recordingLogger, type RecordingLogger } from '../../support/recording-logger.js';
import { atEnd, HOST, portOf } from '../../support/harness.js';

/** A server of one transport, and what a stock client needs to reach it. */
export interface Served {
  readonly io: Server;
  readonly http: HttpServer;
  readonly transport: string;
  readonly logger: RecordingLogger;
  /** A stock client of this server. It does not reconnect and has a Manager of its own, unless told otherwise. */
  client(options?: object, namespace?: string, auth?: Record<string, unknown>): ClientSocket;
  /** The answer to the opening request of a connection, made by hand; it is closed after. */
  upgrade(headers?: Record<string, string>): Promise<IncomingMessage>;
  /** Destroys the connections below everything, without a word to either side. */
  cut(): void;
}

export type Place = (settings?: ListenSettings) => Promise<Served>;

const authority = createAuthority();
const serverKeys = authority.issue('localhost');

/** Server and client over WebSocket: what the stock pair does is what the others are held to. */
export const websocketPlace: Place = (settings) => onPort('websocket', settings);
export const nodeTransportPlace: Place = (settings) => onPort('nodeTransport', settings);

export const tlsPlace: Place = (settings) =>
  serve('nodeTransport', 0, { tls: serverKeys, ...settings }, (http) => ({
    secure: true,
    hostname: 'localhost',
    port: String(portOf(http)),
    ca: authority.ca,
  }));

export const unixPlace: Place = async (settings) => {
  const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
  atEnd(() => rm(directory, { recursive: true }));
  const socketPath = join(directory, 'io.sock');
  return serve('nodeTransport', `unix:${socketPath}`, settings, () => ({
    hostname: 'localhost',
    socketPath,
  }));
};

/** The place with our parser on the server, and still the stock one on clients. */
export function withN2nParser(place: Place): Place {
  return (settings) => place({ parser: n2nParser, ...settings });
}

function onPort(transport: string, settings: ListenSettings = {}): Promise<Served> {
  return serve(transport, 0, { host: HOST, ...settings }, (http) => ({
    hostname: HOST,
    port: String(portOf(http)),
  }));
}

interface Address {
  hostname: string;
  port?: string;
  secure?: boolean;
  ca?: string;
  socketPath?: string;
}

async function serve(
  transport: string,
  target: number | string,
  settings: ListenSettings = {},
  addressOf: (http: HttpServer) => Address,
): Promise<Served> {
  const logger = recordingLogger();
  const io = listen(target, { transports: [transport], logger, ...settings });
  const http = io.httpServer as HttpServer;
  const sockets = new Set<NetSocket>();
  http.on('connection', (socket: NetSocket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(http, 'listening');
  atEnd(() => io.close());
  const address = addressOf(http);
  return {
    io,
    http,
    transport,
    logger,
    client(options = {}, namespace = '/', auth = {}) {
      // The types are a browser's, without the options of Node.
      const all: Partial<ManagerOptions> = Object.assign(
        {},
        {
          ...address,
          path: '/socket.io/',
          transports: [clientTransport(transport)],
          reconnection: false,
          autoConnect: false,
        },
        options,
      );
      const manager = new Manager(all);
      const socket = manager.socket(namespace, { auth });
      atEnd(() => {
        manager.reconnection(false);
        socket.disconnect();
        manager.engine?.close();
      });
      socket.connect();
      return socket;
    },
    upgrade: (headers = {}) => openingRequest(transport, address, headers),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function openingRequest(
  transport: string,
  { hostname, port, ca, socketPath, secure }: Address,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const options: RequestOptions & { ca?: string | undefined } = {
    host: hostname,
    port,
    socketPath,
    ca,
    agent: false,
    path: `/socket.io/?EIO=4&transport=${transport}`,
    headers: {
      Connection: 'Upgrade',
      ...(transport === 'websocket'
        ? {
            Upgrade: 'websocket',
            'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
          }
        : { Upgrade: 'node-transport' }),
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const request = (secure === true ? httpsRequest : httpRequest)(options);
    request.on('upgrade', (response, stream) => {
      stream.on('error', () => {});
      stream.destroy();
      resolve(response);
    });
    request.on('response', (response) => {
      response.resume().on('error', () => {});
      resolve(response);
    });
    request.on('error', reject);
    request.end();
  });
}
