import type { AttachOptions } from 'engine.io';
import type { ServerOptions } from 'socket.io';
import {
  booleanOption,
  millisecondsOption,
  pathOption,
  refuseUnknownOptions,
  requireOptions,
  wholeNumberOption,
} from '../option-checks.js';
import { checkTransportNames } from '../engine/transport-registry.js';

/** Socket.IO's own options, each of which may be given as `undefined`, also where that is not the same as left out. */
type SocketIoOptions = { [Name in keyof ServerOptions]?: ServerOptions[Name] | undefined };

/**
 * The options of a Socket.IO server: Socket.IO's own, under their own names, with defaults that suit services. Leaving
 * one out and giving it as `undefined` both mean the default, never "no limit".
 */
export interface ListenOptions extends Omit<SocketIoOptions, 'transports' | 'serveClient'> {
  /**
   * The transports that clients may use, by name: `nodeTransport`, Engine.IO's own, and those of `addTransport`.
   * @default ['nodeTransport', 'websocket']
   */
  transports?: readonly string[] | undefined;
  /**
   * The path below which Socket.IO answers.
   * @default '/socket.io/'
   */
  path?: string | undefined;
  /**
   * How often a client is pinged, in milliseconds.
   * @default 10000
   */
  pingInterval?: number | undefined;
  /**
   * How long a client may take to answer a ping before it is taken for dead, in milliseconds.
   * @default 5000
   */
  pingTimeout?: number | undefined;
  /**
   * How long a client may take to join a namespace after it has connected, in milliseconds.
   * @default 10000
   */
  connectTimeout?: number | undefined;
  /**
   * The longest packet that is taken from a client, in bytes. One that is longer ends its connection.
   * @default 4194304 (4 MiB)
   */
  maxHttpBufferSize?: number | undefined;
}

export type ResolvedListenOptions = Required<
  Pick<ListenOptions, 'pingInterval' | 'pingTimeout' | 'connectTimeout' | 'maxHttpBufferSize'>
> & {
  /** With a slash on either side. */
  readonly path: string;
  readonly transports: readonly string[];
  /** How it comes to an HTTP server. */
  readonly attachment: Pick<AttachOptions, 'addTrailingSlash' | 'destroyUpgrade' | 'destroyUpgradeTimeout'>;
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

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveListenOptions(options: ListenOptions): ResolvedListenOptions {
  requireOptions(options);
  const {
    transports = ['nodeTransport', 'websocket'],
    path,
    pingInterval,
    pingTimeout,
    connectTimeout,
    maxHttpBufferSize,
    addTrailingSlash,
    destroyUpgrade,
    destroyUpgradeTimeout,
    ...rest
  } = options;
  refuseUnknownOptions(options, OPTION_NAMES);
  checkTransportNames(transports);
  return {
    path: `${pathOption('path', path, 'a path such as "/socket.io/"')}/`,
    transports: [...transports],
    pingInterval: millisecondsOption('pingInterval', pingInterval, 10_000),
    pingTimeout: millisecondsOption('pingTimeout', pingTimeout, 5_000),
    connectTimeout: millisecondsOption('connectTimeout', connectTimeout, 10_000),
    maxHttpBufferSize: wholeNumberOption('maxHttpBufferSize', maxHttpBufferSize, 4 * 1024 * 1024, {
      least: 1,
      most: 2 ** 32 - 1,
      unit: ' of bytes',
    }),
    attachment: {
      addTrailingSlash: booleanOption('addTrailingSlash', addTrailingSlash, true),
      ...(destroyUpgrade === undefined
        ? {}
        : { destroyUpgrade: booleanOption('destroyUpgrade', destroyUpgrade, true) }),
      ...(destroyUpgradeTimeout === undefined
        ? {}
        : {
            destroyUpgradeTimeout: millisecondsOption('destroyUpgradeTimeout', destroyUpgradeTimeout, 1000),
          }),
    },
    // Engine.IO fills its defaults in with Object.assign, where `undefined` stays: no limit at all.
    rest: Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
  };
}
