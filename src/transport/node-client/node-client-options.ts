import type { ConnectionOptions } from 'node:tls';
import * as socketIoParser from 'socket.io-parser';
import { systemClock, type Clock } from '../../clock.js';
import {
  addressOfHost,
  addressOfUrl,
  looksLikeUrl,
  type ServerAddress,
} from '../connection/server-address.js';
import {
  checkTransportNames,
  clientTransport,
  DEFAULT_TRANSPORTS,
  type ClientTransportClass,
} from '../engine/transport-registry.js';
import { LOG_OPTIONS, resolveLogger, type LogOptions, type ResolvedLogger } from '../logger.js';
import {
  hasFunctions,
  isRecord,
  optionError,
  refuseUnknownOptions,
  secretOptionError,
} from '../option-checks.js';
import {
  count,
  flag,
  isPath,
  isTrueOrFalse,
  milliseconds,
  option,
  optional,
  path,
  requireOptionsOf,
  resolveOptions,
  share,
  type OptionsOf,
  type ResolvedOptionsOf,
} from '../option-table.js';
import { refusingCheck } from './identity-check.js';

/** What the server's middlewares read as `socket.handshake.auth`. */
export type AuthData = Record<string, unknown>;

type AuthSource = () => AuthData | undefined | Promise<AuthData | undefined>;

const TLS_NAMES = [
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
] as const satisfies (keyof ConnectionOptions)[];

/** The settings of Node's `tls.connect` that a client may make. */
export type TlsOptions = Pick<ConnectionOptions, (typeof TLS_NAMES)[number]>;

/** The classes of Socket.IO's `parser` option. The server must use the same ones. */
export interface SocketIoParser {
  Encoder: new () => object;
  Decoder: new () => object;
}

export interface NamedTransport {
  readonly name: string;
  readonly implementation: ClientTransportClass;
}

/** The options of a connection that `N2NClient` and `NodeClient` have in common. */
export const CONNECTION_OPTIONS = {
  /**
   * Whether to reconnect after a connection is lost or an attempt fails.
   * @default true
   */
  reconnect: flag(true),
  /**
   * How many reconnection attempts may fail in a row before the client gives up. With `Infinity` it never gives up.
   * @default 10
   */
  maxReconnectionAttempts: count(10, { least: 1, most: Infinity }),
  /**
   * The delay before the first reconnection attempt, in milliseconds. It doubles with each further attempt.
   * @default 500
   */
  reconnectionDelay: milliseconds(500),
  /**
   * The upper limit of the delay, in milliseconds. Jitter is applied after this limit.
   * @default 30000
   */
  maxReconnectionDelay: milliseconds(30_000),
  /**
   * The jitter of each delay, up or down, as a share of the delay from 0 to 1.
   * @default 0.5
   */
  randomizationFactor: share(0.5),
  /**
   * The time limit for one attempt to connect, in milliseconds. It includes the `auth` function.
   * @default 10000
   */
  connectTimeout: milliseconds(10_000),
  /**
   * The names of the transports, in the order in which each attempt tries them. `addTransport` registers further
   * transports.
   * @default ['nodeTransport', 'websocket']
   */
  transports: option<readonly string[], readonly NamedTransport[]>(DEFAULT_TRANSPORTS, namedTransports),
  /**
   * The TLS settings of a secure connection, such as certificates and keys. The server's certificate is verified unless
   * `rejectUnauthorized` is false.
   * @default {}
   */
  tls: optional<TlsOptions, Readonly<TlsOptions>>(checkedTls, { inWords: '`{}`' }),
  /**
   * The credentials, which the server's middlewares read as `socket.handshake.auth`. Either an object, or a function that
   * returns an object or a promise of one. The client calls the function for every attempt to connect.
   * @default {}
   */
  auth: option<AuthData | AuthSource, AuthSource>(() => undefined, authSource, { inWords: '`{}`' }),
  /**
   * Socket.IO's path on the server.
   * @default '/socket.io/'
   */
  path: path(),
  /** Another name of `path`, from `node2node-socket.io`. */
  resource: optional<string>(isPath),
};

/** The options that `N2NClient` does not have, or has with another name. */
const NODE_CLIENT_ONLY = {
  /**
   * Whether to use TLS. An `https:` URL implies it.
   * @default false
   */
  secure: optional<boolean>(isTrueOrFalse, { inWords: '`false`' }),
  /**
   * How long the server may be silent before the client closes the connection, in milliseconds. The server must ping more
   * often than that. The servers of this package ping every 10 s. If the server pings less often, the client uses that
   * server's `pingInterval + pingTimeout` instead, and logs a warning.
   * @default 25000
   */
  timeout: milliseconds(25_000),
  /**
   * How many messages `send` keeps while there is no connection. Beyond that, `send` throws `OVERLOADED`. With 0 it keeps
   * none.
   * @default 10000
   */
  maxBuffered: count(10_000, { least: 0, most: Infinity }),
  /**
   * The parser of Socket.IO packets, `{ Encoder, Decoder }`. The server must use the same one.
   * @default the parser of Socket.IO
   */
  parser: option<SocketIoParser>(
    socketIoParser,
    (name, value) => {
      if (hasFunctions(value, ['Encoder', 'Decoder'])) return value as SocketIoParser;
      throw optionError(name, value, 'an object with the classes Encoder and Decoder');
    },
    { inWords: 'the parser of Socket.IO' },
  ),
  /**
   * The clock of the client, for tests: `{ setTimeout, clearTimeout, now }`.
   * @default the system's
   */
  clock: option<Clock>(
    systemClock,
    (name, value) => {
      if (hasFunctions(value, ['setTimeout', 'clearTimeout', 'now'])) return value as Clock;
      throw optionError(name, value, 'an object with the methods setTimeout, clearTimeout and now');
    },
    { inWords: "the system's" },
  ),
  /**
   * The source of random numbers for the jitter, for tests. It returns numbers from 0 up to, but not including, 1.
   * @default Math.random
   */
  random: option<() => number>(
    Math.random,
    (name, value) => {
      if (typeof value === 'function') return value as () => number;
      throw optionError(name, value, 'a function that gives a number from 0 up to 1');
    },
    { inWords: '`Math.random`' },
  ),
};

export const NODE_CLIENT_OPTIONS = { ...LOG_OPTIONS, ...CONNECTION_OPTIONS, ...NODE_CLIENT_ONLY };

/** The options of `NodeClient`. An option that is left out or `undefined` has its default. */
export interface NodeClientOptions
  extends LogOptions, OptionsOf<typeof CONNECTION_OPTIONS>, OptionsOf<typeof NODE_CLIENT_ONLY> {}

type OfConnection = Omit<ResolvedOptionsOf<typeof CONNECTION_OPTIONS>, 'resource'>;
type OfNodeClient = Omit<ResolvedOptionsOf<typeof NODE_CLIENT_ONLY>, 'secure'>;

/** `NodeClientOptions` after validation, with all defaults, without the address of a server. */
export interface ResolvedConnectionOptions extends OfConnection, OfNodeClient {
  readonly logger: ResolvedLogger;
}

/** The options of a connection to one server. */
export interface ResolvedNodeClientOptions extends Omit<ResolvedConnectionOptions, 'tls'> {
  readonly address: ServerAddress;
  readonly tls: Readonly<TlsOptions>;
  /** Parameters of the upgrade's query, in addition to those of Engine.IO. */
  readonly query: Readonly<Record<string, string>>;
}

/** The server's address as the constructor of `NodeClient` takes it: a host and a port, or one URL. */
export interface Target {
  readonly hostOrUrl: unknown;
  readonly port: unknown;
}

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveNodeClientOptions(
  { hostOrUrl, port }: Target,
  options: NodeClientOptions,
): ResolvedNodeClientOptions {
  requireOptionsOf('NodeClient', NODE_CLIENT_OPTIONS, options);
  const connection = resolveConnectionOptions(options, resolveLogger(options, 'NodeClient'));
  const { secure } = resolveOptions(NODE_CLIENT_ONLY, options);
  if (!looksLikeUrl(hostOrUrl))
    return connectionTo(addressOfHost(hostOrUrl, port, secure ?? false), connection);
  if (port !== undefined) throw optionError('port', port, 'left out beside a URL, which has its own');
  return connectionTo(addressOfUrl(hostOrUrl, secure), connection);
}

/** Resolves options whose names are already checked. @throws N2NError `INVALID_OPTIONS` */
export function resolveConnectionOptions(
  options: NodeClientOptions,
  logger: ResolvedLogger,
): ResolvedConnectionOptions {
  const { path: ours, resource, ...connection } = resolveOptions(CONNECTION_OPTIONS, options);
  const { secure: _ofAddress, ...own } = resolveOptions(NODE_CLIENT_ONLY, options);
  if (resource !== undefined && options.path !== undefined && resource !== ours) {
    throw optionError('resource', options.resource, 'left out beside "path", which is its other name');
  }
  return { ...connection, ...own, path: resource ?? ours, logger };
}

/** @throws N2NError `INVALID_OPTIONS` if there are TLS settings and the address is not secure */
export function connectionTo(
  address: ServerAddress,
  connection: ResolvedConnectionOptions,
  query: ResolvedNodeClientOptions['query'] = {},
): ResolvedNodeClientOptions {
  const { tls } = connection;
  if (tls !== undefined && !address.secure) {
    // A user who sets certificates expects encryption.
    throw secretOptionError('tls', tls, 'left out, unless "secure" is true or the URL is https:');
  }
  return Object.freeze<ResolvedNodeClientOptions>({ ...connection, address, tls: tls ?? {}, query });
}

function namedTransports(name: string, given: unknown): readonly NamedTransport[] {
  const names = checkTransportNames(given);
  if (new Set(names).size !== names.length) throw optionError(name, names, 'a list that names each once');
  return names.map((each) => ({ name: each, implementation: clientTransport(each) }));
}

function checkedTls(name: string, tls: unknown): Readonly<TlsOptions> {
  if (!isRecord(tls)) throw secretOptionError(name, tls, 'an object of TLS settings');
  refuseUnknownOptions(tls, TLS_NAMES, { prefix: `${name}.` });
  const verifies = tls['rejectUnauthorized'];
  if (verifies !== undefined) isTrueOrFalse(`${name}.rejectUnauthorized`, verifies);
  const given: TlsOptions = Object.fromEntries(
    Object.entries(tls).filter(([, value]) => value !== undefined),
  );
  const { checkServerIdentity } = given;
  return checkServerIdentity === undefined
    ? given
    : { ...given, checkServerIdentity: refusingCheck(checkServerIdentity) };
}

function authSource(name: string, auth: unknown): AuthSource {
  if (typeof auth === 'function') return auth as AuthSource;
  if (isRecord(auth)) return () => auth;
  throw secretOptionError(name, auth, 'an object, or a function that gives one');
}
