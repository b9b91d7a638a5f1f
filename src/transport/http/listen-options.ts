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

/** Socket.IO's own options, each of which may be given as `undefined`, also where that is not the same as left out. */
type SocketIoOptions = { [Name in keyof ServerOptions]?: ServerOptions[Name] | undefined };

/** The options of Socket.IO whose defaults are this library's, so that they suit services. */
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
   * How often a client is pinged, in milliseconds.
   * @default 10000
   */
  pingInterval: milliseconds(10_000),
  /**
   * How long a client may take to answer a ping before it is taken for dead, in milliseconds.
   * @default 5000
   */
  pingTimeout: milliseconds(5_000),
  /**
   * How long a client may take to join a namespace after it has connected, in milliseconds.
   * @default 10000
   */
  connectTimeout: milliseconds(10_000),
  /**
   * The longest packet that is taken from a client, in bytes. One that is longer ends its connection.
   * @default 4194304 (4 MiB)
   */
  maxHttpBufferSize: bytes(4 * 1024 * 1024, { least: 1, most: 2 ** 32 - 1 }),
  /**
   * Whether the path ends with a slash: false takes `/socket.io` itself, too.
   * @default true
   */
  addTrailingSlash: flag(true),
  /**
   * Whether upgrades elsewhere that nobody answers are refused: false refuses none, true also those that others listen
   * for, after `destroyUpgradeTimeout`.
   * @default refused where nobody else listens for upgrades
   */
  destroyUpgrade: optional<boolean>(isTrueOrFalse, {
    inWords: 'refused where nobody else listens for upgrades',
  }),
  /**
   * After how many milliseconds an upgrade elsewhere is refused where others listen for upgrades, and none has answered.
   * @default 1000 with `destroyUpgrade: true`; none without
   */
  destroyUpgradeTimeout: optional<number>(isMilliseconds(1), {
    unit: 'milliseconds',
    inWords: '1000 with `destroyUpgrade: true`; none without',
  }),
};

/**
 * The options of a Socket.IO server: Socket.IO's own, under their own names, with defaults that suit services. Leaving
 * one out and giving it as `undefined` both mean the default, never "no limit".
 */
export interface ListenOptions
  extends
    Omit<SocketIoOptions, keyof typeof LISTEN_OPTIONS | 'serveClient'>,
    OptionsOf<typeof LISTEN_OPTIONS> {}

type OwnOptions = ResolvedOptionsOf<typeof LISTEN_OPTIONS>;

type AttachmentName = 'addTrailingSlash' | 'destroyUpgrade' | 'destroyUpgradeTimeout';

export type ResolvedListenOptions = Omit<OwnOptions, AttachmentName> & {
  /** How it comes to an HTTP server. */
  readonly attachment: Pick<AttachOptions, AttachmentName>;
  /** What Socket.IO and Engine.IO take beyond these, as it was given. */
  readonly rest: Partial<ServerOptions>;
};

/** All that there is: a name that is missing here does not compile. */
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
    // Engine.IO fills its defaults in with Object.assign, where `undefined` stays: no limit at all.
    rest: Object.fromEntries(Object.entries(definedOf(options)).filter(([name]) => !(name in all))),
  };
}

/** The options without those that are given as `undefined`. */
export function definedOf<Options extends object>(options: Options): Defined<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Defined<Options>;
}

type Defined<Options> = { [Name in keyof Options]?: Exclude<Options[Name], undefined> };
