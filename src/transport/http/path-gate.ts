import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { N2NError } from '../../n2n-error.js';
import { isReady, neighbourAt } from './neighbours.js';
import { overrideMethod } from './override-method.js';
import { refuseUpgrade } from './refuse-upgrade.js';

/** Everything below a path of an HTTP server, for one who answers there. */
export interface PathClaim {
  /** With a slash at its end for what is below it alone. */
  readonly path: string;
  /** Whether an upgrade elsewhere is refused where nobody else listens for any. */
  readonly refusesStray: boolean;
  /**
   * After how many milliseconds it is refused where others listen, and none of them has answered. Undefined leaves it to
   * them: they may take their time.
   */
  readonly refuseStrayAfter: number | undefined;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

/** One for each HTTP server, however many share it. */
const gates = new WeakMap<HttpServer, PathGate>();

/**
 * Takes the requests and the upgrades below a path of an HTTP server. Its other listeners, also those that are added later, do
 * not see them: of two listeners that answer one upgrade, the second ends the process. Everything else stays as it is, but
 * for upgrades that nobody else listens for, which are refused.
 *
 * @returns what gives the path back; whoever shares the server may do so in any order
 * @throws N2NError `INVALID_OPTIONS` when somebody answers at that path already
 */
export function claimPath(server: HttpServer, claim: PathClaim): () => void {
  const gate = gates.get(server) ?? new PathGate(server);
  gates.set(server, gate);
  return gate.add(claim);
}

class PathGate {
  /** The longest first, so that a path may be below another. */
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

  /** @returns whether the event is a claim's, and nobody else's */
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
      // Its connection may be reset, and nobody else listens to it.
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
        // It is there already, and its maker gone: nobody is left to throw at.
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

/** As Engine.IO has it: everything that begins with the path, but for names that are merely longer. */
function isBelow(path: string, base: string): boolean {
  if (!path.startsWith(base)) return false;
  return base.endsWith('/') || path.length === base.length || path[base.length] === '/';
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}

/** Streams that are not of the network do not count. */
function bytesWritten(stream: Duplex): unknown {
  return 'bytesWritten' in stream ? stream.bytesWritten : undefined;
}

function pathTaken(path: string, by: string): N2NError {
  return new N2NError(
    'INVALID_OPTIONS',
    `Two servers would answer below "${path}" on one HTTP server: N2N and ${by}. ` +
      'Give one of them another path: with the option "path" of N2NServer and of its clients, or the one of the other.',
    { details: { option: 'path', path } },
  );
}

function ignore(): void {}
