import type { Deserializer, Serializer } from '@nestjs/microservices';
import { IncomingResponseDeserializer } from '@nestjs/microservices/deserializers/incoming-response.deserializer.js';
import { systemClock, type Clock } from '../clock.js';
import type { Codec, CodecName, UserCodec } from '../protocol/values/codec.js';
import {
  callTimeoutOption,
  codecOption,
  offlineOption,
  replayOption,
  spanOption,
} from '../call/call-options.js';
import { packetFormatOption, type PacketFormat } from '../call/nest-packets/packet-format.js';
import type { OfflinePolicy } from '../call/record.js';
import { resolveLogger, type Logger, type ResolvedLogger } from '../transport/logger.js';
import {
  NODE_CLIENT_OPTION_NAMES,
  type NodeClientOptions,
} from '../transport/node-client/node-client-options.js';
import {
  requireOptions,
  millisecondsOption,
  optionError,
  payloadOption,
  refuseUnknownOptions,
  wholeNumberOption,
} from '../transport/option-checks.js';

const OWN_OPTIONS: readonly string[] = ['parser', 'clock', 'random', 'secure'];

const OPTION_NAMES: readonly (keyof N2NClientOptions | keyof NodeClientOptions)[] = [
  'url',
  'heartbeatTimeout',
  'maxPayload',
  'maxBufferedBytes',
  'offline',
  'codec',
  'resumeWindow',
  'maxReplay',
  'drainTimeout',
  'waitForFirstConnect',
  'serializer',
  'deserializer',
  ...NODE_CLIENT_OPTION_NAMES.filter((name) => !OWN_OPTIONS.includes(name)),
];

/** The options of `NodeClient` that an `N2NClient` sets itself, or calls by another name. */
type OwnNodeClientOptions = 'timeout' | 'parser' | 'maxBuffered' | 'clock' | 'random' | 'secure';

/**
 * Where the other service is, and how to call it. What concerns the connection (`reconnect`, `reconnectionDelay`,
 * `transports`, `tls`, `auth`, `resource` and others) is as in `NodeClientOptions`.
 */
export interface N2NClientOptions extends Omit<NodeClientOptions, OwnNodeClientOptions> {
  /**
   * The address of the service: `http:`, `https:` or `unix:`; or several of them. Of several, one is used at a time: the
   * next in the list when it drains, is lost or refuses.
   * @default 'http://localhost:6262'
   */
  url?: string | readonly string[] | undefined;
  /**
   * How long a call waits without any answer, in milliseconds; 0 for ever. The time without a connection counts.
   * @default 30000
   */
  timeout?: number | undefined;
  /**
   * How long the server may show no sign of life before the connection is taken for dead, in milliseconds.
   * @default 25000
   */
  heartbeatTimeout?: number | undefined;
  /**
   * The longest payload that is taken from the server, in bytes.
   * @default 4194304 (4 MiB)
   */
  maxPayload?: number | undefined;
  /**
   * How many calls and events may wait for a connection; the next one fails at once with `OVERLOADED`.
   * @default 10000
   */
  maxBuffered?: number | undefined;
  /**
   * How many bytes the payloads of waiting calls and events may have together; likewise.
   * @default 16777216 (16 MiB)
   */
  maxBufferedBytes?: number | undefined;
  /**
   * What becomes of a call or event while there is no connection: it waits for one, as long as its timeout allows, or it
   * fails at once with `CONNECT_FAILED`. Either way the client goes on trying to connect.
   * @default 'buffer'
   */
  offline?: OfflinePolicy | undefined;
  /**
   * How long a session is kept when its connection is lost, in milliseconds: within that time it goes on over a new one,
   * with every call and stream that was under way. 0 for not at all. The shorter of the two sides' windows counts.
   * @default 10000
   */
  resumeWindow?: number | undefined;
  /**
   * How many bytes may be sent that the server has not acknowledged: they are kept, to be sent again after a break. At
   * the bound, what is sent waits.
   * @default 8388608 (8 MiB)
   */
  maxReplay?: number | undefined;
  /**
   * How long `close` lets calls under way end, in milliseconds; 0 for not at all.
   * @default 10000
   */
  drainTimeout?: number | undefined;
  /**
   * How long the Nest application waits for the first connection when it starts, in milliseconds; without one by then it
   * does not start. 0 for not at all: it starts at once, and calls wait for the connection.
   * @default 0
   */
  waitForFirstConnect?: number | undefined;
  /**
   * How values are written: `'json'`, `'v8'` (Node's structured clone), or your own. The server must have the same.
   * @default 'json'
   */
  codec?: CodecName | UserCodec | undefined;
  /**
   * Makes of each request and event, as Nest's packet `{ pattern, data, id }`, what is sent in its place: as in Nest's
   * TCP transport. What it throws fails the call with `NOT_SERIALIZABLE`.
   * @default none: the payload travels as it is
   */
  serializer?: Serializer | undefined;
  /**
   * Makes Nest's packet `{ response, err, isDisposed, id }` of each answer: as in Nest's TCP transport; it may give a
   * promise. What it throws fails the call with `PROTOCOL_ERROR`.
   * @default none; Nest's own where there is a serializer
   */
  deserializer?: Deserializer | undefined;
}

/** `N2NClientOptions` after validation. */
export interface ResolvedN2NClientOptions {
  /** One or more. */
  readonly urls: readonly [string, ...string[]];
  readonly timeout: number;
  readonly maxPayload: number;
  readonly maxBuffered: number;
  readonly maxBufferedBytes: number;
  readonly helloTimeout: number;
  readonly offline: OfflinePolicy;
  readonly codec: Codec;
  readonly resumeWindow: number;
  readonly maxReplay: number;
  readonly drainTimeout: number;
  readonly waitForFirstConnect: number;
  readonly reconnectionDelay: number;
  readonly packets: PacketFormat | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: ResolvedLogger;
  /** What goes to `NodeClient`, which checks it. */
  readonly connection: NodeClientOptions;
}

const DEFAULT_URL = 'http://localhost:6262';
const MIB = 1024 * 1024;

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveN2NClientOptions(options: N2NClientOptions, logger: Logger): ResolvedN2NClientOptions {
  requireOptions(options);
  for (const name of Object.keys(options).filter((given) => OWN_OPTIONS.includes(given))) {
    throw optionError(name, 'given', 'left out: the client sets it itself');
  }
  refuseUnknownOptions(options, OPTION_NAMES);
  const {
    url,
    timeout,
    heartbeatTimeout,
    maxPayload,
    maxBuffered,
    maxBufferedBytes,
    offline,
    codec,
    resumeWindow,
    maxReplay,
    drainTimeout,
    waitForFirstConnect,
    serializer,
    deserializer,
    ...connection
  } = options;
  return Object.freeze<ResolvedN2NClientOptions>({
    urls: urlsOption(url),
    timeout: callTimeoutOption(timeout),
    maxPayload: payloadOption('maxPayload', maxPayload),
    maxBuffered: wholeNumberOption('maxBuffered', maxBuffered, 10_000, { least: 0, most: 2 ** 31 - 1 }),
    maxBufferedBytes: wholeNumberOption('maxBufferedBytes', maxBufferedBytes, 16 * MIB, {
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
      unit: ' of bytes',
    }),
    helloTimeout: millisecondsOption('connectTimeout', connection.connectTimeout, 10_000),
    offline: offlineOption(offline) ?? 'buffer',
    codec: codecOption(codec),
    resumeWindow: spanOption('resumeWindow', resumeWindow, 10_000),
    maxReplay: replayOption(maxReplay),
    drainTimeout: spanOption('drainTimeout', drainTimeout, 10_000),
    waitForFirstConnect: spanOption('waitForFirstConnect', waitForFirstConnect, 0),
    reconnectionDelay: spanOption('reconnectionDelay', connection.reconnectionDelay, 500),
    packets: packetFormatOption({ serializer, deserializer }, new IncomingResponseDeserializer()),
    clock: systemClock,
    random: Math.random,
    logger: resolveLogger({ logger, ...connection }, 'N2NClient'),
    connection: {
      logger,
      ...connection,
      timeout: millisecondsOption('heartbeatTimeout', heartbeatTimeout, 25_000),
    },
  });
}

function urlsOption(given: string | readonly string[] = DEFAULT_URL): [string, ...string[]] {
  const [first, ...others]: readonly unknown[] = Array.isArray(given) ? given : [given];
  const urls: [unknown, ...unknown[]] = [first, ...others];
  if (!urls.every(isUrl) || new Set(urls).size < urls.length) {
    throw optionError(
      'url',
      given,
      'an address such as "http://host:6262", "https://host" or "unix:/path/to/socket", or a list of different ones',
    );
  }
  return urls as [string, ...string[]];
}

function isUrl(given: unknown): boolean {
  return typeof given === 'string' && /^(https?:\/\/[^/]|unix:.)/.test(given);
}
