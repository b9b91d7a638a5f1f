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
   * Answers requests and upgrades below `path`, before any other listener. Everything else of the HTTP server stays as
   * it is: its routes, and upgrades that other listeners answer. An upgrade that nobody else listens for is refused.
   *
   * @returns what takes the engine off the server again
   * @throws N2NError `INVALID_OPTIONS` when another server answers at that path
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
    // WebSocket ends with `close`, and begins anew.
    const onListening = (): void => this.init();
    server.on('close', onClose).on('listening', onListening);
    return () => {
      server.off('close', onClose).off('listening', onListening);
      release();
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
      refuseUpgrade(stream, '400 Bad Request', messageOf(error));
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
      // Who logs or measures requests waits for this, which a detached response does not tell by itself.
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
    if (!upgrade) {
      const message = 'The request is no upgrade: a proxy on the way may have dropped its "Upgrade" header';
      return done(errors.BAD_REQUEST, { name: 'TRANSPORT_HANDSHAKE_ERROR', message });
    }
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

/**
 * What middlewares have set, and what those set that wait for the headers to be written, as express-session does with its
 * cookie. @returns undefined where one of them throws
 */
function headersOf(response: ServerResponse): Record<string, unknown> | undefined {
  try {
    response.writeHead(101);
  } catch {
    return undefined;
  }
  return { ...response.getHeaders() };
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
