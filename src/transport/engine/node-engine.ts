import { ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  Server as EngineServer,
  type AttachOptions,
  type ErrorCallback,
  type ServerOptions,
} from 'engine.io';
import { N2NError, messageOf } from '../../n2n-error.js';
import { UPGRADE_TOKEN } from './node-transport.js';
import { readBeforeClientTimesOut } from './ping-timeout.js';
import type { EngineRequest } from './stream-server-transport.js';
import { checkTransportNames, isBuiltIn, serverTransport } from './transport-registry.js';

type EngineTransport = ReturnType<EngineServer['createTransport']>;

/** What `NodeEngine` takes: Engine.IO's own server options, with transports of any name. */
export interface NodeEngineOptions extends Omit<ServerOptions, 'transports'> {
  /** The transports that clients may use, by name. */
  transports?: readonly string[];
}

/** The streams of requests whose handshake is under way, for `createTransport` to find. */
type StreamOf = WeakMap<IncomingMessage, Duplex>;

const { errors, errorMessages } = EngineServer;

/**
 * Engine.IO's server with the transports of `addTransport`. Bind it with Socket.IO's own `io.bind(engine)`.
 *
 * A refused handshake is told by Engine.IO's event `connection_error`, as for its own transports.
 */
export class NodeEngine extends EngineServer {
  private readonly streams: StreamOf = new WeakMap();

  /** @throws N2NError `INVALID_OPTIONS` when a transport is not known */
  constructor(options: NodeEngineOptions = {}) {
    if (options.transports !== undefined) checkTransportNames(options.transports);
    super(options as ServerOptions);
    this.on('connection', readBeforeClientTimesOut);
  }

  /**
   * Answers upgrades, and where polling is on also requests, below `path`. Everything else of the HTTP server stays as
   * it is: its routes, and upgrades that other listeners answer. An upgrade that nobody else listens for is refused.
   *
   * @returns what takes the engine off the server again
   */
  override attach(server: HttpServer, options: AttachOptions = {}): () => void {
    const path = this._computePath(options);
    const isOurs = (request: IncomingMessage): boolean => pathOf(request) === path;
    const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
      if (isOurs(request)) this.handleUpgrade(request, stream, head);
      else if (server.listenerCount('upgrade') === 1)
        refuse(stream, '404 Not Found', 'Nothing is upgraded here');
    };
    const onClose = (): void => void this.close();
    server.on('upgrade', onUpgrade);
    server.on('close', onClose);
    const detachRequests = this.transportNames.includes('polling')
      ? this.attachRequests(server, isOurs)
      : () => {};
    return () => {
      server.off('upgrade', onUpgrade);
      server.off('close', onClose);
      detachRequests();
    };
  }

  override handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const engineRequest = request as EngineRequest;
    // The stream may be reset at any byte of the handshake, and no one else listens yet.
    stream.on('error', ignore);
    try {
      engineRequest._query ??= Object.fromEntries(
        new URL(request.url ?? '', 'http://localhost').searchParams,
      );
    } catch (error) {
      refuse(stream, '400 Bad Request', messageOf(error));
      return;
    }
    if (serverTransport(engineRequest._query['transport']) === undefined) {
      super.handleUpgrade(request, stream, head);
      return;
    }
    // Engine.IO's middlewares write to a response; what they set is sent with the 101, what they send is the answer.
    const response = responseOn(request, stream);
    if (response === undefined) {
      this.report(engineRequest, errors.BAD_REQUEST, {
        name: 'TRANSPORT_HANDSHAKE_ERROR',
        message: 'The answer to the request before it is still under way',
      });
      stream.destroy();
      return;
    }
    // Node leaves upgraded connections half-open, for as long as the client likes.
    response.once('finish', () => stream.end(() => stream.destroy()));
    this._applyMiddlewares(request, response, (failure) => {
      if (response.headersSent) return;
      response.detachSocket(stream as Parameters<ServerResponse['assignSocket']>[0]);
      if (failure !== undefined) {
        this.reject(engineRequest, stream, errors.BAD_REQUEST, { name: 'MIDDLEWARE_FAILURE' });
        return;
      }
      this.verify(engineRequest, true, (code, context) => {
        if (code !== undefined) this.reject(engineRequest, stream, code, context);
        else this.accept(engineRequest, stream, head, response);
      });
    });
  }

  /**
   * Takes a connection that is open already, for transports that do not begin as an HTTP Upgrade. `request` stands for
   * what opened it: its `url` has Engine.IO's query, its headers are what Socket.IO shows as the handshake's.
   */
  acceptStream(request: IncomingMessage, stream: Duplex): void {
    const engineRequest = request as EngineRequest;
    stream.on('error', ignore);
    engineRequest._query = Object.fromEntries(new URL(request.url ?? '', 'http://localhost').searchParams);
    this.verify(engineRequest, true, (code, context) => {
      if (code === undefined) void this.open(engineRequest, stream);
      else this.reject(engineRequest, stream, code, context);
    });
  }

  /** Ends all connections. Unlike after `close`, there may be new ones. */
  closeConnections(): void {
    for (const socket of Object.values(this.clients)) socket.close(true);
  }

  override upgrades(transport: Parameters<EngineServer['upgrades']>[0]): string[] {
    return isBuiltIn(transport) ? super.upgrades(transport) : [];
  }

  protected override verify(request: EngineRequest, upgrade: boolean, done: ErrorCallback): boolean | void {
    const name = request._query['transport'];
    if (serverTransport(name) === undefined) {
      // Of Engine.IO's own only WebSocket is upgraded to: without it, Engine.IO has nothing that could answer.
      if (upgrade && name !== 'websocket' && this.transportNames.includes(name)) {
        return done(errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR' });
      }
      return super.verify(request, upgrade, done);
    }
    if (!this.transportNames.includes(name)) return done(errors.UNKNOWN_TRANSPORT, { transport: name });
    if (!upgrade) return done(errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR' });
    if (request._query['EIO'] !== '4') {
      return done(errors.UNSUPPORTED_PROTOCOL_VERSION, { protocol: request._query['EIO'] });
    }
    // A raw stream carries one connection from its first byte: there is none to come back to.
    if (request._query['sid'] !== undefined) return done(errors.UNKNOWN_SID, { sid: request._query['sid'] });
    return super.verify(request, upgrade, done);
  }

  protected override createTransport(
    name: Parameters<EngineServer['createTransport']>[0],
    request: IncomingMessage,
  ): EngineTransport {
    const Transport = serverTransport(name);
    if (Transport === undefined) return super.createTransport(name, request);
    const stream = this.streams.get(request);
    if (stream === undefined) {
      throw new N2NError('PROTOCOL_ERROR', `"${name}" was asked for by a request without a stream.`);
    }
    return new Transport(request as EngineRequest, stream, this.opts.maxHttpBufferSize ?? Infinity);
  }

  private get transportNames(): readonly string[] {
    return this.opts.transports ?? [];
  }

  private attachRequests(server: HttpServer, isOurs: (request: IncomingMessage) => boolean): () => void {
    const others = server.listeners('request') as ((
      request: IncomingMessage,
      response: ServerResponse,
    ) => void)[];
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      if (isOurs(request)) this.handleRequest(request, response);
      else for (const other of others) other.call(server, request, response);
    };
    server.removeAllListeners('request').on('request', onRequest);
    return () => {
      server.off('request', onRequest);
      for (const other of others) server.on('request', other);
    };
  }

  private accept(request: EngineRequest, stream: Duplex, head: Buffer, response: ServerResponse): void {
    const fault = faultOf(request, head);
    if (fault !== undefined) {
      this.reject(request, stream, errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR', message: fault });
      return;
    }
    const headers: Record<string, unknown> = { ...response.getHeaders() };
    this.emit('initial_headers', headers, request);
    this.emit('headers', headers, request);
    if (stream.writable) {
      stream.write(switchingProtocols(headers));
      void this.open(request, stream);
    } else {
      stream.destroy();
    }
  }

  private async open(request: EngineRequest, stream: Duplex): Promise<void> {
    this.streams.set(request, stream);
    const name = request._query['transport'] as Parameters<EngineServer['createTransport']>[0];
    await this.handshake(name, request, () => stream.destroy());
    this.streams.delete(request);
  }

  private reject(
    request: EngineRequest,
    stream: Duplex,
    code: number,
    context: Record<string, unknown> = {},
  ): void {
    const message = this.report(request, code, context);
    const status = code === errors.FORBIDDEN ? '403 Forbidden' : '400 Bad Request';
    refuse(stream, status, typeof context['message'] === 'string' ? context['message'] : message);
  }

  private report(request: EngineRequest, code: number, context: Record<string, unknown>): string {
    const message = (errorMessages as Record<number, string>)[code] ?? 'Bad request';
    this.emit('connection_error', { req: request, code, message, context });
    return message;
  }
}

/** A response that writes to the stream; undefined while the one to an earlier, pipelined request still does. */
function responseOn(request: IncomingMessage, stream: Duplex): ServerResponse | undefined {
  const response = new ServerResponse(request);
  try {
    response.assignSocket(stream as Parameters<ServerResponse['assignSocket']>[0]);
  } catch {
    return undefined;
  }
  return response;
}

function faultOf({ headers, httpVersion }: IncomingMessage, head: Buffer): string | undefined {
  // HTTP/1.0 has no upgrades (RFC 9110, 7.8): who asks for one has a proxy between that does not know what it passes.
  if (httpVersion !== '1.1') return 'Not HTTP/1.1';
  if (headers.upgrade?.toLowerCase() !== UPGRADE_TOKEN) return 'Wrong upgrade';
  // Bytes before the 101 belong to no protocol: a client does not know yet that it may send any.
  return head.length > 0 ? 'Early bytes' : undefined;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function refuse(stream: Duplex, status: string, message: string): void {
  stream.on('error', ignore);
  if (!stream.writable) {
    stream.destroy();
    return;
  }
  const length = Buffer.byteLength(message);
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${message}`,
    () => stream.destroy(),
  );
}

/** Header values come from middlewares of the application; control characters in one must not start a header. */
function switchingProtocols(headers: Record<string, unknown>): string {
  let text = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${UPGRADE_TOKEN}\r\nConnection: Upgrade\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      text += `${name}: ${String(one).replace(/[\u0000-\u001f\u007f]/g, '')}\r\n`;
    }
  }
  return `${text}\r\n`;
}

function ignore(): void {}
