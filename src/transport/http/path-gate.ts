import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { N2NError } from '../../n2n-error.js';
import { isReady, neighbourAt } from './neighbours.js';
import { overrideMethod } from './override-method.js';
import { refuseUpgrade } from './refuse-upgrade.js';

/** A claim of one server on all requests and upgrades below a path. */
export interface PathClaim {
  /** With a trailing slash, the path itself is not included. */
  readonly path: string;
  /** Whether to refuse upgrades outside the path if nobody else listens for upgrades. */
  readonly refusesStray: boolean;
  /**
   * How long other listeners may take to answer such an upgrade before it is refused, in milliseconds. Undefined sets no
   * limit.
   */
  readonly refuseStrayAfter: number | undefined;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

/** One gate for each HTTP server. */
const gates = new WeakMap<HttpServer, PathGate>();

/**
 * Claims the requests and upgrades below a path of an HTTP server. Its other listeners do not see them, even if they are added
 * later. If two listeners answered one upgrade, the second would end the process. Other requests and upgrades are not
 * affected, except that an upgrade is refused if nobody else listens for upgrades.
 *
 * @returns a function that releases the path; claims may be released in any order
 * @throws N2NError `INVALID_OPTIONS` if another server answers at that path
 */
export function claimPath(server: HttpServer, claim: PathClaim): () => void {
  const gate = gates.get(server) ?? new PathGate(server);
  gates.set(server, gate);
  return gate.add(claim);
}

class PathGate {
  /** The longest path first, so that one path may be below another. */
  private claims: readonly PathClaim[] = [];
  private restore: (() => void) | undefined = undefined;

  constructor(private readonly server: HttpServer) {}

  add(claim: PathClaim): () => void {
    const { path } = claim;
    if (this.claims.some((other) => withoutSlash(other.path) === withoutSlash(path))) {
      throw pathTaken(path, 'another server of N2N');
    }
    for (const listener of this.server.listeners('upgrade')) this.refuseNeighbour(listener, [claim]);
    this.claims = [...this.claims, claim].toSorted((one, other) => other.path.length - one.path.length);
    this.restore ??= this.install();
    return () => {
      this.claims = this.claims.filter((one) => one !== claim);
      if (this.claims.length > 0) return;
      this.restore?.();
      this.restore = undefined;
    };
  }

  private install(): () => void {
    const { server } = this;
    server.on('upgrade', this.onStrayUpgrade);
    server.on('newListener', this.onNewListener);
    const restore = overrideMethod<unknown[], boolean>(
      server,
      'emit',
      (emit) =>
        (...event) =>
          this.take(event) || emit(...event),
    );
    return () => {
      restore();
      server.off('newListener', this.onNewListener);
      server.off('upgrade', this.onStrayUpgrade);
    };
  }

  /** @returns whether a claim has handled the event */
  private take([name, request, second, head]: unknown[]): boolean {
    if (name !== 'request' && name !== 'upgrade') return false;
    const claim = this.claimOf(request as IncomingMessage);
    if (claim === undefined) return false;
    if (name === 'request') claim.onRequest(request as IncomingMessage, second as ServerResponse);
    else claim.onUpgrade(request as IncomingMessage, second as Duplex, head as Buffer);
    return true;
  }

  private claimOf(request: IncomingMessage): PathClaim | undefined {
    const url = request.url ?? '';
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    return this.claims.find((claim) => isBelow(path, claim.path));
  }

  private readonly onStrayUpgrade = (_request: IncomingMessage, stream: Duplex): void => {
    const { claims, server } = this;
    const refuse = (): void => refuseUpgrade(stream, '404 Not Found', 'Nothing is upgraded here');
    if (server.listenerCount('upgrade') === 1) {
      // The connection may be reset, and nobody else listens for its errors.
      stream.on('error', ignore);
      if (claims.some((claim) => claim.refusesStray)) refuse();
      return;
    }
    const delays = claims.flatMap(({ refuseStrayAfter }) => refuseStrayAfter ?? []);
    if (delays.length === 0) return;
    const written = bytesWritten(stream);
    const timer = setTimeout(
      () => {
        if (bytesWritten(stream) === written) refuse();
      },
      Math.min(...delays),
    );
    stream.once('close', () => clearTimeout(timer));
  };

  private readonly onNewListener = (event: string | symbol, listener: unknown): void => {
    if (event !== 'upgrade') return;
    if (isReady(listener)) {
      this.refuseNeighbour(listener, this.claims);
      return;
    }
    queueMicrotask(() => {
      try {
        this.refuseNeighbour(listener, this.claims);
      } catch (error) {
        // The call that added the listener has returned, so it cannot throw any more.
        process.emitWarning(error as N2NError);
      }
    });
  };

  private refuseNeighbour(listener: unknown, claims: readonly PathClaim[]): void {
    for (const { path } of claims) {
      const neighbour = neighbourAt(listener, path);
      if (neighbour !== undefined) throw pathTaken(path, neighbour);
    }
  }
}

/** Like Engine.IO: paths that start with the base, but not names that are longer, such as `/socket.iox`. */
function isBelow(path: string, base: string): boolean {
  if (!path.startsWith(base)) return false;
  return base.endsWith('/') || path.length === base.length || path[base.length] === '/';
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}

/** Undefined for streams that are not network sockets. */
function bytesWritten(stream: Duplex): unknown {
  return 'bytesWritten' in stream ? stream.bytesWritten : undefined;
}

function pathTaken(path: string, by: string): N2NError {
  return new N2NError(
    'INVALID_OPTIONS',
    `Two servers would answer below "${path}" on one HTTP server: N2N and ${by}. ` +
      'Give one of them another path: set the option "path" of N2NServer and of its clients, or the path of the other server.',
    { details: { option: 'path', path } },
  );
}

function ignore(): void {}
