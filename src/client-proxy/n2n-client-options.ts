import { systemClock, type Clock } from '../clock.js';
import type { Codec, CodecName, UserCodec } from '../protocol/codec.js';
import { callTimeoutOption, codecOption } from '../proxy/call-options.js';
import type { OfflinePolicy } from '../proxy/record.js';
import type { Logger } from '../transport/logger.js';
import type { NodeClientOptions } from '../transport/node-client-options.js';
import {
  requireOptions,
  millisecondsOption,
  optionError,
  payloadOption,
  wholeNumberOption,
} from '../transport/option-checks.js';

const OWN_OPTIONS: readonly string[] = ['parser', 'clock', 'random', 'secure'];

/** The options of `NodeClient` that an `N2NClient` sets itself, or calls by another name. */
type OwnNodeClientOptions = 'timeout' | 'parser' | 'maxBuffered' | 'clock' | 'random' | 'secure';

/**
 * Where the other service is, and how to call it. What concerns the connection (`reconnect`, `reconnectionDelay`,
 * `transports`, `tls`, `auth`, `resource` and others) is as in `NodeClientOptions`.
 */
export interface N2NClientOptions extends Omit<NodeClientOptions, OwnNodeClientOptions> {
  /**
   * The address of the service: `http:`, `https:` or `unix:`.
   * @default 'http://localhost:6262'
   */
  url?: string | undefined;
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
   * How values are written: `'json'`, `'v8'` (Node's structured clone), or your own. The server must have the same.
   * @default 'json'
   */
  codec?: CodecName | UserCodec | undefined;
}

/** `N2NClientOptions` after validation. */
export interface ResolvedN2NClientOptions {
  readonly url: string;
  readonly timeout: number;
  readonly maxPayload: number;
  readonly maxBuffered: number;
  readonly maxBufferedBytes: number;
  readonly helloTimeout: number;
  readonly offline: OfflinePolicy;
  readonly codec: Codec;
  readonly clock: Clock;
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
  const {
    url,
    timeout,
    heartbeatTimeout,
    maxPayload,
    maxBuffered,
    maxBufferedBytes,
    offline = 'buffer',
    codec,
    ...connection
  } = options;
  if (offline !== 'buffer' && offline !== 'reject')
    throw optionError('offline', offline, '"buffer" or "reject"');
  if (url !== undefined && (typeof url !== 'string' || !/^(https?:\/\/[^/]|unix:.)/.test(url))) {
    throw optionError(
      'url',
      url,
      'an address such as "http://host:6262", "https://host" or "unix:/path/to/socket"',
    );
  }
  return Object.freeze<ResolvedN2NClientOptions>({
    url: url ?? DEFAULT_URL,
    timeout: callTimeoutOption(timeout),
    maxPayload: payloadOption('maxPayload', maxPayload),
    maxBuffered: wholeNumberOption('maxBuffered', maxBuffered, 10_000, { least: 0, most: 2 ** 31 - 1 }),
    maxBufferedBytes: wholeNumberOption('maxBufferedBytes', maxBufferedBytes, 16 * MIB, {
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
      unit: ' of bytes',
    }),
    helloTimeout: millisecondsOption('connectTimeout', connection.connectTimeout, 10_000),
    offline,
    codec: codecOption(codec),
    clock: systemClock,
    connection: {
      logger,
      ...connection,
      timeout: millisecondsOption('heartbeatTimeout', heartbeatTimeout, 25_000),
    },
  });
}
