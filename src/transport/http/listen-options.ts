import type { AttachOptions } from 'engine.io';
import type { ServerOptions } from 'socket.io';
import { DEFAULT_TRANSPORTS, checkTransportNames } from '../engine/transport-registry.js';
import { refuseUnknownOptions, requireOptions } from '../option-checks.js';
import {
  bytes,
  flag,
  isMilliseconds,
  isTrueOrFalse,
  milliseconds,
  option,
  optional,
  path,
  resolveOptions,
  type OptionsOf,
  type ResolvedOptionsOf,
} from '../option-table.js';

/** Socket.IO's own options. Each may be `undefined`, even where Socket.IO treats that differently from a missing option. */
type SocketIoOptions = { [Name in keyof ServerOptions]?: ServerOptions[Name] | undefined };

/** The options of Socket.IO for which this library has its own defaults, which suit services. */
export const LISTEN_OPTIONS = {
  /**
   * The transports that clients may use, by name: `nodeTransport`, Engine.IO's own, and those of `addTransport`.
   * @default ['nodeTransport', 'websocket']
   */
  transports: option<readonly string[]>(DEFAULT_TRANSPORTS, (_name, value) => checkTransportNames(value)),
  /**
   * The path below which Socket.IO answers.
   * @default '/socket.io/'
   */
  path: path(),
  /**
   * How often the server pings each client, in milliseconds.
   * @default 10000
   */
  pingInterval: milliseconds(10_000),
  /**
   * How long a client may take to answer a ping before the server closes the connection, in milliseconds.
   * @default 5000
   */
  pingTimeout: milliseconds(5_000),
  /**
   * How long a client may take to join a namespace after it has connected, in milliseconds.
   * @default 10000
   */
  connectTimeout: milliseconds(10_000),
  /**
   * The longest packet that the server accepts from a client, in bytes. A longer packet ends its connection.
   * @default 4194304 (4 MiB)
   */
  maxHttpBufferSize: bytes(4 * 1024 * 1024, { least: 1, most: 2 ** 32 - 1 }),
  /**
   * Whether the path must end with a slash. With false, the server also answers at `/socket.io` itself.
   * @default true
   */
  addTrailingSlash: flag(true),
  /**
   * Whether to refuse upgrades outside the path that nobody answers. With false, none is refused. With true, they are
   * refused after `destroyUpgradeTimeout`, even if other listeners exist.
   * @default refused where nobody else listens for upgrades
   */
  destroyUpgrade: optional<boolean>(isTrueOrFalse, {
    inWords: 'refused where nobody else listens for upgrades',
  }),
  /**
   * How long other listeners may take to answer an upgrade outside the path before it is refused, in milliseconds.
   * @default 1000 with `destroyUpgrade: true`; none without
   */
  destroyUpgradeTimeout: optional<number>(isMilliseconds(1), {
    unit: 'milliseconds',
    inWords: '1000 with `destroyUpgrade: true`; none without',
  }),
};

/**
 * The options of a Socket.IO server under Socket.IO's names, with defaults that suit services. An option that is left out or
 * `undefined` has its default, never "no limit".
 */
export interface ListenOptions
  extends
    Omit<SocketIoOptions, keyof typeof LISTEN_OPTIONS | 'serveClient'>,
    OptionsOf<typeof LISTEN_OPTIONS> {}

type OwnOptions = ResolvedOptionsOf<typeof LISTEN_OPTIONS>;

type AttachmentName = 'addTrailingSlash' | 'destroyUpgrade' | 'destroyUpgradeTimeout';

export type ResolvedListenOptions = Omit<OwnOptions, AttachmentName> & {
  /** The options for attaching the server to an HTTP server. */
  readonly attachment: Pick<AttachOptions, AttachmentName>;
  /** Other options of Socket.IO and Engine.IO, unchanged. */
  readonly rest: Partial<ServerOptions>;
};

/** All option names. A missing name does not compile. */
const KNOWN: Record<keyof ListenOptions, true> = {
  transports: true,
  path: true,
  pingInterval: true,
  pingTimeout: true,
  connectTimeout: true,
  maxHttpBufferSize: true,
  addTrailingSlash: true,
  destroyUpgrade: true,
  destroyUpgradeTimeout: true,
  adapter: true,
  allowEIO3: true,
  allowRequest: true,
  allowUpgrades: true,
  cleanupEmptyChildNamespaces: true,
  connectionStateRecovery: true,
  cookie: true,
  cors: true,
  httpCompression: true,
  initialPacket: true,
  parser: true,
  perMessageDeflate: true,
  upgradeTimeout: true,
  wsEngine: true,
};

const OPTION_NAMES: readonly string[] = Object.keys(KNOWN);

/** @returns `path` with a slash on either side @throws N2NError `INVALID_OPTIONS` */
export function resolveListenOptions(options: ListenOptions): ResolvedListenOptions {
  requireOptions(options);
  refuseUnknownOptions(options, OPTION_NAMES, { owner: 'listen' });
  const all = resolveOptions(LISTEN_OPTIONS, options);
  const { addTrailingSlash, destroyUpgrade, destroyUpgradeTimeout, ...own } = all;
  return {
    ...own,
    path: `${own.path}/`,
    attachment: definedOf({ addTrailingSlash, destroyUpgrade, destroyUpgradeTimeout }),
    // Engine.IO merges its defaults with Object.assign, which would keep `undefined`: there would be no limit.
    rest: Object.fromEntries(Object.entries(definedOf(options)).filter(([name]) => !(name in all))),
  };
}

/** The options without those that are `undefined`. */
export function definedOf<Options extends object>(options: Options): Defined<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Defined<Options>;
}

type Defined<Options> = { [Name in keyof Options]?: Exclude<Options[Name], undefined> };
