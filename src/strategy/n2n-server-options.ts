import { Server as HttpServer } from 'node:http';
import type { TlsOptions } from 'node:tls';
import { Server as HttpsServer } from 'node:https';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import {
  millisecondsOption,
  optionError,
  isRecord,
  refuseUnknownOptions,
  secretOptionError,
  wholeNumberOption,
} from '../transport/option-checks.js';
import { checkTransportNames } from '../transport/transport-registry.js';

/** Where `N2NServer` listens: a port of its own, a Unix domain socket, or an HTTP server that listens already. */
export interface N2NServerOptions {
  /**
   * The TCP port of the server's own; 0 takes any that is free.
   * @default 6262
   */
  port?: number | undefined;
  /**
   * The address that the port is opened on. Opening it to a network is an act of yours: `'0.0.0.0'`.
   * @default 'localhost'
   */
  host?: string | undefined;
  /**
   * The path of a Unix domain socket, in place of a port.
   * @example '/run/words.sock'
   */
  socketPath?: string | undefined;
  /**
   * An HTTP(S) server to share, in place of a port: its routes stay as they are.
   * @example app.getHttpServer()
   */
  server?: HttpServer | HttpsServer | undefined;
  /**
   * Certificate and key for the server's own port, as `tls.createServer` takes them. Without it, there is no TLS.
   */
  tls?: TlsOptions | undefined;
  /**
   * The path below which Socket.IO answers.
   * @default '/socket.io/'
   */
  path?: string | undefined;
  /**
   * The transports that clients may use, by name.
   * @default ['nodeTransport', 'websocket']
   */
  transports?: readonly string[] | undefined;
  /**
   * How often a client is pinged, in milliseconds.
   * @default 10000
   */
  heartbeatInterval?: number | undefined;
  /**
   * How long a client may take to answer a ping before it is taken for dead, in milliseconds.
   * @default 5000
   */
  heartbeatTimeout?: number | undefined;
  /**
   * How long a client may take from its connection to its first words, in milliseconds.
   * @default 10000
   */
  handshakeTimeout?: number | undefined;
  /**
   * The longest payload that is taken, in bytes. It is told to clients, whose longer calls fail on their side.
   * @default 4194304 (4 MiB)
   */
  maxPayload?: number | undefined;
  /**
   * How many calls and events of one client are handled at once. 64 times as many wait in order; a call beyond them
   * fails with `OVERLOADED`, an event beyond them is dropped and logged.
   * @default 1024
   */
  maxInFlight?: number | undefined;
}

/** Where the server listens, as one choice of three. */
export type ListenTarget =
  | { readonly kind: 'port'; readonly port: number; readonly host: string }
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'shared'; readonly server: HttpServer | HttpsServer };

/** `N2NServerOptions` after validation. */
export interface ResolvedN2NServerOptions {
  readonly target: ListenTarget;
  readonly tls: TlsOptions | undefined;
  readonly path: string;
  readonly transports: readonly string[];
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  readonly handshakeTimeout: number;
  readonly maxPayload: number;
  readonly maxInFlight: number;
  readonly clock: Clock;
}

const OPTION_NAMES: readonly (keyof N2NServerOptions)[] = [
  'port',
  'host',
  'socketPath',
  'server',
  'tls',
  'path',
  'transports',
  'heartbeatInterval',
  'heartbeatTimeout',
  'handshakeTimeout',
  'maxPayload',
  'maxInFlight',
];

export const DEFAULT_PORT = 6262;
export const DEFAULT_MAX_PAYLOAD = 4 * 1024 * 1024;
export const DEFAULT_MAX_IN_FLIGHT = 1024;

/** Payloads are numbered in four bytes of length; half of that is more than a process should hold of one anyway. */
export const MOST_PAYLOAD = 2 ** 31 - 1;

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveN2NServerOptions(options: N2NServerOptions): ResolvedN2NServerOptions {
  const raw: unknown = options;
  if (!isRecord(raw)) throw optionError('options', options, 'an object');
  refuseUnknownOptions(options, OPTION_NAMES);
  const { transports = ['nodeTransport', 'websocket'] } = options;
  checkTransportNames(transports);
  const target = resolveTarget(options);
  return Object.freeze<ResolvedN2NServerOptions>({
    target,
    tls: resolveTls(options.tls, target),
    path: resolvePath(options.path),
    transports: [...transports],
    heartbeatInterval: millisecondsOption('heartbeatInterval', options.heartbeatInterval, 10_000),
    heartbeatTimeout: millisecondsOption('heartbeatTimeout', options.heartbeatTimeout, 5_000),
    handshakeTimeout: millisecondsOption('handshakeTimeout', options.handshakeTimeout, 10_000),
    maxPayload: wholeNumberOption('maxPayload', options.maxPayload, DEFAULT_MAX_PAYLOAD, {
      least: 1024,
      most: MOST_PAYLOAD,
      unit: ' of bytes',
    }),
    maxInFlight: wholeNumberOption('maxInFlight', options.maxInFlight, DEFAULT_MAX_IN_FLIGHT, {
      least: 1,
      most: 1_000_000,
    }),
    clock: systemClock,
  });
}

function resolveTarget({ port, host, socketPath, server }: N2NServerOptions): ListenTarget {
  if (server !== undefined) {
    const given: unknown = server;
    if (!(given instanceof HttpServer) && !(given instanceof HttpsServer)) {
      throw optionError('server', server, 'an HTTP or HTTPS server of Node, such as app.getHttpServer()');
    }
    refuseBeside('server', { port, host, socketPath });
    return { kind: 'shared', server };
  }
  if (socketPath !== undefined) {
    if (typeof socketPath !== 'string' || socketPath === '') {
      throw optionError('socketPath', socketPath, 'the path of a Unix domain socket');
    }
    refuseBeside('socketPath', { port, host });
    return { kind: 'socket', path: socketPath };
  }
  if (host !== undefined && (typeof host !== 'string' || host === '')) {
    throw optionError('host', host, 'the name or address of an interface of this machine');
  }
  return {
    kind: 'port',
    port: wholeNumberOption('port', port, DEFAULT_PORT, { least: 0, most: 65_535 }),
    host: host ?? 'localhost',
  };
}

function refuseBeside(chosen: string, others: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) throw optionError(name, value, `left out beside "${chosen}", which says where to listen`);
  }
}

function resolveTls(tls: TlsOptions | undefined, target: ListenTarget): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  if (!isRecord(tls)) throw secretOptionError('tls', tls, 'an object of TLS settings');
  if (target.kind === 'shared') throw secretOptionError('tls', tls, 'left out beside "server", which has its own');
  return tls as TlsOptions;
}

function resolvePath(path: string | undefined): string {
  if (path === undefined) return '/socket.io/';
  const inner = typeof path === 'string' ? path.replace(/^\/+|\/+$/g, '') : '';
  if (inner === '' || /[\s?#]/.test(inner)) throw optionError('path', path, 'a path such as "/socket.io/"');
  return `/${inner}/`;
}
