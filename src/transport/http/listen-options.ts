import type { ServerOptions } from 'socket.io';
import { DEFAULT_TRANSPORTS, checkTransportNames } from '../engine/transport-registry.js';
import { requireOptions } from '../option-checks.js';
import {
  bytes,
  milliseconds,
  option,
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
};

/**
 * The options of a Socket.IO server: Socket.IO's own, under their own names, with defaults that suit services. Leaving
 * one out and giving it as `undefined` both mean the default, never "no limit".
 */
export interface ListenOptions
  extends
    Omit<SocketIoOptions, keyof typeof LISTEN_OPTIONS | 'serveClient'>,
    OptionsOf<typeof LISTEN_OPTIONS> {}

export type ResolvedListenOptions = ResolvedOptionsOf<typeof LISTEN_OPTIONS> & {
  /** What Socket.IO and Engine.IO take beyond these, as it was given. */
  readonly rest: Partial<ServerOptions>;
};

/** @returns `path` with a slash on either side @throws N2NError `INVALID_OPTIONS` */
export function resolveListenOptions(options: ListenOptions): ResolvedListenOptions {
  requireOptions(options);
  const own = resolveOptions(LISTEN_OPTIONS, options);
  // Engine.IO fills its defaults in with Object.assign, where `undefined` stays: no limit at all.
  const rest = Object.entries(options).filter(([name, value]) => !(name in own) && value !== undefined);
  return { ...own, path: `${own.path}/`, rest: Object.fromEntries(rest) };
}
