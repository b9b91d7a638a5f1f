import type { Deserializer, Serializer } from '@nestjs/microservices';
import { IncomingResponseDeserializer } from '@nestjs/microservices/deserializers/incoming-response.deserializer.js';
import { systemClock, type Clock } from '../clock.js';
import { CALL_OPTIONS, deserializerOption, offlineOption, serializerOption } from '../call/call-options.js';
import { packetFormatOf, type PacketFormat } from '../call/nest-packets/packet-format.js';
import type { OfflinePolicy } from '../call/record.js';
import { DEFAULT_HOST, DEFAULT_PORT } from '../transport/connection/server-address.js';
import {
  LOG_OPTIONS,
  loggerOption,
  resolveLogger,
  type Logger,
  type ResolvedLogger,
} from '../transport/logger.js';
import {
  CONNECTION_OPTIONS,
  NODE_CLIENT_OPTIONS,
  resolveConnectionOptions,
  type NodeClientOptions,
  type ResolvedConnectionOptions,
} from '../transport/node-client/node-client-options.js';
import { optionError, requireOptions } from '../transport/option-checks.js';
import {
  bytes,
  count,
  milliseconds,
  option,
  optional,
  requireOptionsOf,
  resolveOptions,
  type OptionsOf,
  type ResolvedOptionsOf,
} from '../transport/option-table.js';
import { n2nParser } from '../transport/socket-io/n2n-parser.js';

type Urls = readonly [string, ...string[]];

const OWN_OPTIONS = {
  /**
   * The address of the service, `http:`, `https:` or `unix:`, or a list of addresses. The client uses one address at a
   * time. It tries the next one when the current server drains, cannot be reached or refuses the connection.
   * @default 'http://localhost:6262'
   */
  url: option<string | readonly string[], Urls>(`http://${DEFAULT_HOST}:${DEFAULT_PORT}`, urlsOption),
  /**
   * How many calls and events may wait for a connection in the offline queue. When it is full, a call or event fails with
   * `OVERLOADED`.
   * @default 10000
   */
  maxBuffered: count(10_000, { least: 0, most: 2 ** 31 - 1 }),
  /**
   * The limit for the total size of the payloads in the offline queue, in bytes. When it is reached, a call or event fails
   * with `OVERLOADED`.
   * @default 16777216 (16 MiB)
   */
  maxBufferedBytes: bytes(16 * 1024 * 1024, { least: 0, most: Number.MAX_SAFE_INTEGER }),
  /**
   * What happens to a call or event while there is no connection. With `'buffer'` it waits for the connection until its
   * timeout. With `'reject'` it fails immediately with `CONNECT_FAILED`, even if it is the first one. In both cases
   * the client keeps trying to connect.
   * @default 'buffer'
   */
  offline: option<OfflinePolicy>('buffer', (_name, given) => offlineOption(given as OfflinePolicy)),
  /**
   * How long the Nest application waits for the first connection when it starts, in milliseconds. If there is no
   * connection by then, the application does not start. With 0 it starts immediately, and calls wait for the connection.
   * @default 0
   */
  waitForFirstConnect: milliseconds(0, 0),
  /**
   * How long the server may be silent before the client closes the connection, in milliseconds. It must be more than the
   * server's `heartbeatInterval`.
   * @default 25000
   */
  heartbeatTimeout: NODE_CLIENT_OPTIONS.timeout,
  /**
   * Serializes each request and event, which it gets as Nest's packet `{ pattern, data, id }`, as in Nest's TCP transport.
   * If it throws, the call fails with `NOT_SERIALIZABLE`.
   * @default none: the payload travels as it is
   */
  serializer: optional<Serializer>(serializerOption, { inWords: 'none: the payload travels as it is' }),
  /**
   * Deserializes each answer into Nest's packet `{ response, err, isDisposed, id }`, as in Nest's TCP transport. It may
   * return a promise. If it throws, the call fails with `PROTOCOL_ERROR`.
   * @default none; Nest's own where there is a serializer
   */
  deserializer: optional<Deserializer>(deserializerOption, {
    inWords: "none; Nest's own where there is a serializer",
  }),
  /**
   * Nest's `Logger`, or an object with the methods `log`, `error` and `warn`. `debug` and `verbose` are optional.
   * @default Nest's logger
   */
  logger: optional<Logger>(loggerOption, { inWords: "Nest's logger" }),
};

/** All options of `N2NClient`. */
export const N2N_CLIENT_OPTIONS = {
  ...OWN_OPTIONS,
  ...CALL_OPTIONS,
  ...CONNECTION_OPTIONS,
  logging: LOG_OPTIONS.logging,
  logLevel: LOG_OPTIONS.logLevel,
};

/**
 * The address of the server, and how to call it. An option that is left out or `undefined` has its
 * default value.
 */
export interface N2NClientOptions
  extends
    OptionsOf<typeof OWN_OPTIONS>,
    OptionsOf<typeof CALL_OPTIONS>,
    OptionsOf<typeof CONNECTION_OPTIONS>,
    Pick<NodeClientOptions, 'logging' | 'logLevel'> {}

type Of<Table> = ResolvedOptionsOf<Table>;
type Passed = 'url' | 'heartbeatTimeout' | 'serializer' | 'deserializer' | 'logger';

/** `N2NClientOptions` after validation. */
export interface ResolvedN2NClientOptions
  extends Of<typeof CALL_OPTIONS>, Omit<Of<typeof OWN_OPTIONS>, Passed> {
  readonly urls: Urls;
  readonly packets: PacketFormat | undefined;
  readonly clock: Clock;
  readonly logger: ResolvedLogger;
  /** The options of the connection to each address. */
  readonly connection: ResolvedConnectionOptions;
}

/** Options of `NodeClient` that users cannot set here, with the reason. */
const SET_BY_THE_CLIENT: Readonly<Record<string, string>> = {
  secure: 'left out: an "https:" address turns TLS on',
  parser: 'left out: the client sets it itself',
};

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveN2NClientOptions(options: N2NClientOptions, logger: Logger): ResolvedN2NClientOptions {
  requireOptions(options);
  for (const [name, remedy] of Object.entries(SET_BY_THE_CLIENT)) {
    if (name in options) throw optionError(name, 'given', remedy);
  }
  requireOptionsOf('N2NClient', N2N_CLIENT_OPTIONS, options);
  const { url, heartbeatTimeout, serializer, deserializer, ...own } = resolveOptions(OWN_OPTIONS, options);
  const log = resolveLogger({ ...options, logger: own.logger ?? logger }, 'N2NClient');
  const connection = { ...options, timeout: heartbeatTimeout, maxBuffered: undefined, parser: n2nParser };
  return Object.freeze<ResolvedN2NClientOptions>({
    ...resolveOptions(CALL_OPTIONS, options),
    ...own,
    urls: url,
    packets: packetFormatOf({ serializer, deserializer }, new IncomingResponseDeserializer()),
    clock: systemClock,
    logger: log,
    connection: resolveConnectionOptions(connection, log),
  });
}

function urlsOption(name: string, given: unknown): Urls {
  const [first, ...others]: readonly unknown[] = Array.isArray(given) ? given : [given];
  const urls: [unknown, ...unknown[]] = [first, ...others];
  if (!urls.every(isUrl) || new Set(urls).size < urls.length) {
    throw optionError(
      name,
      given,
      'an address such as "http://host:6262", "https://host" or "unix:/path/to/socket", or a list of different ones',
    );
  }
  return urls as [string, ...string[]];
}

function isUrl(given: unknown): boolean {
  return typeof given === 'string' && /^(https?:\/\/[^/]|unix:.)/.test(given);
}
