import { ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  Server as EngineServer,
  type AttachOptions,
  type ErrorCallback,
  type ServerOptions,
} from 'engine.io';
import { N2NError, messageOf } from '../../n2n-error.js';
import { claimPath } from '../http/path-gate.js';
import { refuseUpgrade } from '../http/refuse-upgrade.js';
import { UPGRADE_TOKEN } from './node-transport.js';
import { readBeforeClientTimesOut } from './ping-timeout.js';
import type { EngineRequest } from './stream-server-transport.js';
import { checkTransportNames, isBuiltIn, serverTransport } from './transport-registry.js';

type EngineTransport = ReturnType<EngineServer['createTransport']>;

/** The options of `NodeEngine`: Engine.IO's own server options, with transports of any name. */
export interface NodeEngineOptions extends Omit<ServerOptions, 'transports'> {
  /** The transports that clients may use, by name. */
  transports?: readonly string[];
}

/** The streams of requests whose handshake is under way, for `createTransport`. */
type StreamOf = WeakMap<IncomingMessage, Duplex>;

const { errors, errorMessages } = EngineServer;

/**
 * Engine.IO's server with the transports of `addTransport`. Use it with Socket.IO's `io.bind(engine)`.
 *
 * It emits Engine.IO's `connection_error` for a refused handshake, as for Engine.IO's own transports.
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
   * Answers requests and upgrades below `path`, before all other listeners. The routes of the HTTP server, and upgrades that
   * other listeners answer, are not affected. If nobody else listens for upgrades, upgrades outside the path are refused.
   *
   * @returns a function that detaches the engine from the server
   * @throws N2NError `INVALID_OPTIONS` if another server answers at that path
   */
  override attach(server: HttpServer, options: AttachOptions = {}): () => void {
    const { destroyUpgrade, destroyUpgradeTimeout = destroyUpgrade === true ? 1000 : undefined } = options;
    const release = claimPath(server, {
      path: this._computePath(options),
      refusesStray: destroyUpgrade !== false,
      refuseStrayAfter: destroyUpgrade === false ? undefined : destroyUpgradeTimeout,
      onRequest: (request, response) => this.handleRequest(request, response),
      onUpgrade: (request, stream, head) => this.handleUpgrade(request, stream, head),
    });
    const onClose = (): void => void this.close();
    // `close` also closes the WebSocket server, so `init` makes a new one.
    const onListening = (): void => this.init();
    server.on('close', onClose).on('listening', onListening);
    return () => {
      server.off('close', onClose).off('listening', onListening);
      release();
    };
  }

  override handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const engineRequest = request as EngineRequest;
    // The stream may be reset during the handshake, and nobody else listens for its errors yet.
    stream.on('error', ignore);
    try {
      engineRequest._query ??= Object.fromEntries(
        new URL(request.url ?? '', 'http://localhost').searchParams,
      );
    } catch (error) {
      refuseUpgrade(stream, '400 Bad Request', messageOf(error));
      return;
    }
    if (serverTransport(engineRequest._query['transport']) === undefined) {
      super.handleUpgrade(request, stream, head);
      return;
    }
    // Engine.IO's middlewares get a response. Headers that they set are sent with the 101. If they end it, it is the answer.
    const response = responseOn(request, stream);
    if (response === undefined) {
      this.report(engineRequest, errors.BAD_REQUEST, {
        name: 'TRANSPORT_HANDSHAKE_ERROR',
        message: 'The answer to the previous request is not complete yet',
      });
      stream.destroy();
      return;
    }
    // Node keeps upgraded connections half-open until the client closes its half.
    response.once('finish', () => stream.end(() => stream.destroy()));
    this._applyMiddlewares(request, response, (failure) => {
      if (response.headersSent) return;
      response.detachSocket(stream as Parameters<ServerResponse['assignSocket']>[0]);
      // Middlewares that log or measure requests wait for `close`, which a detached response does not emit.
      if (response.listenerCount('close') > 0) stream.once('close', () => response.emit('close'));
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
   * Accepts a connection that is already open, for transports that do not start as an HTTP upgrade. The `url` of `request` has
   * Engine.IO's query. Socket.IO shows its headers as those of the handshake.
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

  /** Closes all connections. Unlike `close`, it still allows new ones. */
  closeConnections(): void {
    for (const socket of Object.values(this.clients)) socket.close(true);
  }

  override upgrades(transport: Parameters<EngineServer['upgrades']>[0]): string[] {
    return isBuiltIn(transport) ? super.upgrades(transport) : [];
  }

  protected override verify(request: EngineRequest, upgrade: boolean, done: ErrorCallback): boolean | void {
    const name = request._query['transport'];
    if (serverTransport(name) === undefined) {
      // Of Engine.IO's own transports, only WebSocket has upgrades. For others, Engine.IO would not answer.
      if (upgrade && name !== 'websocket' && this.transportNames.includes(name)) {
        return done(errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR' });
      }
      return super.verify(request, upgrade, done);
    }
    if (!this.transportNames.includes(name)) return done(errors.UNKNOWN_TRANSPORT, { transport: name });
    if (!upgrade) {
      const message = 'The request is not an upgrade: a proxy may have dropped its "Upgrade" header';
      return done(errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR', message });
    }
    if (request._query['EIO'] !== '4') {
      return done(errors.UNSUPPORTED_PROTOCOL_VERSION, { protocol: request._query['EIO'] });
    }
    // A raw stream is one connection from its first byte, so there is no earlier connection to continue.
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
      throw new N2NError('PROTOCOL_ERROR', `A request for "${name}" has no stream.`);
    }
    return new Transport(request as EngineRequest, stream, this.opts.maxHttpBufferSize ?? Infinity);
  }

  private get transportNames(): readonly string[] {
    return this.opts.transports ?? [];
  }

  private accept(request: EngineRequest, stream: Duplex, head: Buffer, response: ServerResponse): void {
    const fault = faultOf(request, head);
    if (fault !== undefined) {
      this.reject(request, stream, errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR', message: fault });
      return;
    }
    const headers = headersOf(response);
    if (headers === undefined) {
      this.reject(request, stream, errors.BAD_REQUEST, { name: 'MIDDLEWARE_FAILURE' });
      return;
    }
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
    refuseUpgrade(stream, status, typeof context['message'] === 'string' ? context['message'] : message);
  }

  private report(request: EngineRequest, code: number, context: Record<string, unknown>): string {
    const message = (errorMessages as Record<number, string>)[code] ?? 'Bad request';
    this.emit('connection_error', { req: request, code, message, context });
    return message;
  }
}

/** A response that writes to the stream. Undefined while the response to an earlier, pipelined request still does. */
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
  // HTTP/1.0 has no upgrades (RFC 9110, 7.8). Such a request comes through a proxy that does not support them.
  if (httpVersion !== '1.1') return 'Not HTTP/1.1';
  if (headers.upgrade?.toLowerCase() !== UPGRADE_TOKEN) return 'Wrong upgrade';
  // A client must not send data before the 101.
  return head.length > 0 ? 'Early bytes' : undefined;
}

/**
 * The headers that middlewares have set. Some set them only when the headers are written, such as express-session with its
 * cookie. @returns undefined if a middleware throws
 */
function headersOf(response: ServerResponse): Record<string, unknown> | undefined {
  try {
    response.writeHead(101);
  } catch {
    return undefined;
  }
  return { ...response.getHeaders() };
}

/** Removes control characters from header values, so that a value of a middleware cannot start another header. */
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
