import type { ConnectionOptions } from 'node:tls';
import * as socketIoParser from 'socket.io-parser';
import { systemClock, type Clock } from '../../clock.js';
import {
  addressOfHost,
  addressOfUrl,
  looksLikeUrl,
  type ServerAddress,
} from '../connection/server-address.js';
import { resolveLogger, type LogOptions, type ResolvedLogger } from '../logger.js';
import {
  booleanOption,
  hasFunctions,
  isRecord,
  millisecondsOption,
  optionError,
  pathOption,
  refuseUnknownOptions,
  secretOptionError,
  shareOption,
  wholeNumberOption,
} from '../option-checks.js';
import { refusingCheck } from './identity-check.js';
import {
  checkTransportNames,
  clientTransport,
  type ClientTransportClass,
} from '../engine/transport-registry.js';

/** What the server's middlewares read as `socket.handshake.auth`. */
export type AuthData = Record<string, unknown>;

/** The settings of Node's `tls.connect` that a client may make. */
export type TlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'passphrase'
  | 'pfx'
  | 'ciphers'
  | 'minVersion'
  | 'maxVersion'
  | 'servername'
  | 'rejectUnauthorized'
  | 'checkServerIdentity'
>;

/** The classes that Socket.IO's `parser` option takes; the server must use the same. */
export interface SocketIoParser {
  Encoder: new () => object;
  Decoder: new () => object;
}

/** The options of `NodeClient`. Leaving one out and giving it as `undefined` both mean the default. */
export interface NodeClientOptions extends LogOptions {
  /**
   * Whether to connect again after a connection was lost or an attempt failed.
   * @default true
   */
  reconnect?: boolean | undefined;
  /**
   * Whether to use TLS. An `https:` URL implies it.
   * @default false
   */
  secure?: boolean | undefined;
  /**
   * How long a connection may be without any sign of life from the server, in milliseconds, before it is given up.
   * It needs a server that pings more often than that, as this package's does, every 10 s; with any other, a warning is
   * logged, and the server's own `pingInterval + pingTimeout` is what counts.
   * @default 25000
   */
  timeout?: number | undefined;
  /**
   * How long one attempt to connect may take, `auth` included, in milliseconds.
   * @default 10000
   */
  connectTimeout?: number | undefined;
  /**
   * Socket.IO's path on the server.
   * @default 'socket.io'
   */
  resource?: string | undefined;
  /**
   * How many reconnection attempts may fail in a row before the client gives up; `Infinity` never gives up.
   * @default 10
   */
  maxReconnectionAttempts?: number | undefined;
  /**
   * The delay before the first reconnection attempt, in milliseconds; doubled for each one after it.
   * @default 500
   */
  reconnectionDelay?: number | undefined;
  /**
   * Where the doubling stops, in milliseconds. Jitter is added to it.
   * @default 30000
   */
  maxReconnectionDelay?: number | undefined;
  /**
   * How far jitter moves each delay, up or down, as a share of it, from 0 to 1.
   * @default 0.5
   */
  randomizationFactor?: number | undefined;
  /**
   * The names of the transports, in the order in which an attempt tries them.
   * @default ['nodeTransport', 'websocket']
   */
  transports?: readonly string[] | undefined;
  /**
   * Certificates and keys. The server's certificate is verified unless `rejectUnauthorized` is false.
   * @default {}
   */
  tls?: TlsOptions | undefined;
  /**
   * What to show the server's middlewares, or a function that gives it, called anew for every attempt.
   * @default {}
   */
  auth?: AuthData | (() => AuthData | undefined | Promise<AuthData | undefined>) | undefined;
  /**
   * How many messages `send` keeps while there is no connection; beyond it, `send` throws `OVERLOADED`.
   * @default 10000
   */
  maxBuffered?: number | undefined;
  /**
   * How packets are encoded.
   * @default the parser of Socket.IO
   */
  parser?: SocketIoParser | undefined;
  /**
   * The client's time, for tests.
   * @default the system's
   */
  clock?: Clock | undefined;
  /**
   * The source of jitter: numbers from 0 up to 1.
   * @default Math.random
   */
  random?: (() => number) | undefined;
}

export interface NamedTransport {
  readonly name: string;
  readonly implementation: ClientTransportClass;
}

/** `NodeClientOptions` after validation: every default filled in, nothing left to check. */
export interface ResolvedNodeClientOptions {
  readonly address: ServerAddress;
  /** With its leading slash, as Socket.IO has it. */
  readonly path: string;
  readonly reconnect: boolean;
  readonly timeout: number;
  readonly connectTimeout: number;
  readonly maxReconnectionAttempts: number;
  readonly reconnectionDelay: number;
  readonly maxReconnectionDelay: number;
  readonly randomizationFactor: number;
  readonly transports: readonly NamedTransport[];
  readonly tls: Readonly<TlsOptions>;
  readonly auth: () => AuthData | undefined | Promise<AuthData | undefined>;
  readonly maxBuffered: number;
  readonly parser: SocketIoParser;
  readonly logger: ResolvedLogger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The server's address as the constructor of `NodeClient` takes it: host and port, or all in one URL. */
export interface Target {
  readonly hostOrUrl: unknown;
  readonly port: unknown;
}

const TLS_NAMES: readonly (keyof TlsOptions)[] = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'pfx',
  'ciphers',
  'minVersion',
  'maxVersion',
  'servername',
  'rejectUnauthorized',
  'checkServerIdentity',
];

export const NODE_CLIENT_OPTION_NAMES: readonly (keyof NodeClientOptions)[] = [
  'logging',
  'logLevel',
  'logger',
  'reconnect',
  'secure',
  'timeout',
  'connectTimeout',
  'resource',
  'maxReconnectionAttempts',
  'reconnectionDelay',
  'maxReconnectionDelay',
  'randomizationFactor',
  'transports',
  'tls',
  'auth',
  'maxBuffered',
  'parser',
  'clock',
  'random',
];

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveNodeClientOptions(
  target: Target,
  options: NodeClientOptions,
): ResolvedNodeClientOptions {
  const raw: unknown = options;
  if (!isRecord(raw)) throw optionError('options', options, 'an object');
  refuseUnknownOptions(options, NODE_CLIENT_OPTION_NAMES);
  const address = resolveAddress(target, options.secure);
  return Object.freeze<ResolvedNodeClientOptions>({
    address,
    path: pathOption('resource', options.resource, 'a path such as "socket.io", without a query'),
    reconnect: booleanOption('reconnect', options.reconnect, true),
    timeout: millisecondsOption('timeout', options.timeout, 25_000),
    connectTimeout: millisecondsOption('connectTimeout', options.connectTimeout, 10_000),
    maxReconnectionAttempts: resolveAttempts(options.maxReconnectionAttempts),
    reconnectionDelay: millisecondsOption('reconnectionDelay', options.reconnectionDelay, 500),
    maxReconnectionDelay: millisecondsOption('maxReconnectionDelay', options.maxReconnectionDelay, 30_000),
    randomizationFactor: shareOption('randomizationFactor', options.randomizationFactor, 0.5),
    transports: resolveTransports(options.transports),
    tls: resolveTls(options.tls, address),
    auth: resolveAuth(options.auth),
    maxBuffered: wholeNumberOption('maxBuffered', options.maxBuffered, 10_000, { least: 0, most: Infinity }),
    parser: resolveParser(options.parser),
    logger: resolveLogger(options, 'NodeClient'),
    clock: resolveClock(options.clock),
    random: resolveRandom(options.random),
  });
}

function resolveAddress({ hostOrUrl, port }: Target, secure: unknown): ServerAddress {
  if (secure !== undefined && typeof secure !== 'boolean')
    throw optionError('secure', secure, 'true or false');
  if (!looksLikeUrl(hostOrUrl)) return addressOfHost(hostOrUrl, port, secure ?? false);
  if (port !== undefined) throw optionError('port', port, 'left out beside a URL, which has its own');
  return addressOfUrl(hostOrUrl, secure);
}

function resolveAttempts(attempts: unknown): number {
  return wholeNumberOption('maxReconnectionAttempts', attempts, 10, { least: 1, most: Infinity });
}

function resolveTransports(
  names: readonly string[] = ['nodeTransport', 'websocket'],
): readonly NamedTransport[] {
  checkTransportNames(names);
  if (new Set(names).size !== names.length)
    throw optionError('transports', [...names], 'a list that names each once');
  return names.map((name) => ({ name, implementation: clientTransport(name) }));
}

function resolveTls(tls: unknown, address: ServerAddress): Readonly<TlsOptions> {
  if (tls === undefined) return {};
  if (!isRecord(tls)) throw secretOptionError('tls', tls, 'an object of TLS settings');
  refuseUnknownOptions(tls, TLS_NAMES, 'tls.');
  if (!address.secure) {
    // Keys and certificates in hand, plain text on the wire: nobody means that.
    throw secretOptionError('tls', tls, 'left out, unless "secure" is true or the URL is https:');
  }
  booleanOption('tls.rejectUnauthorized', tls['rejectUnauthorized'], true);
  const given = Object.fromEntries(
    Object.entries(tls).filter(([, value]) => value !== undefined),
  ) as TlsOptions;
  const { checkServerIdentity } = given;
  return checkServerIdentity === undefined
    ? given
    : { ...given, checkServerIdentity: refusingCheck(checkServerIdentity) };
}

function resolveAuth(auth: NodeClientOptions['auth']): ResolvedNodeClientOptions['auth'] {
  if (auth === undefined) return () => undefined;
  if (typeof auth === 'function') return auth;
  if (isRecord(auth)) return () => auth;
  throw secretOptionError('auth', auth, 'an object, or a function that gives one');
}

function resolveParser(parser: SocketIoParser = socketIoParser): SocketIoParser {
  if (hasFunctions(parser, ['Encoder', 'Decoder'])) return parser;
  throw optionError('parser', parser, 'an object with the classes Encoder and Decoder');
}

function resolveClock(clock: Clock = systemClock): Clock {
  if (hasFunctions(clock, ['setTimeout', 'clearTimeout', 'now'])) return clock;
  throw optionError('clock', clock, 'an object with the methods setTimeout, clearTimeout and now');
}

function resolveRandom(random: () => number = Math.random): () => number {
  if (typeof random === 'function') return random;
  throw optionError('random', random, 'a function that gives a number from 0 up to 1');
}
