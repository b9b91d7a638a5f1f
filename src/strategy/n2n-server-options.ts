import type { Deserializer, Serializer } from '@nestjs/microservices';
import { systemClock, type Clock } from '../clock.js';
import { DEFAULT_MAX_IN_FLIGHT, HEADER_ALLOWANCE_BYTES } from '../limits.js';
import type { CallHost } from '../call/call-host.js';
import { CALL_OPTIONS, deserializerOption, serializerOption } from '../call/call-options.js';
import { packetFormatOf, type PacketFormat } from '../call/nest-packets/packet-format.js';
import { LISTEN_OPTIONS, type ListenOptions } from '../transport/http/listen-options.js';
import {
  LISTEN_TARGET_OPTIONS,
  resolveListenTarget,
  type ListenTarget,
  type ListenTargetOptions,
} from '../transport/http/listen-target.js';
import { optionError } from '../transport/option-checks.js';
import {
  count,
  isMilliseconds,
  milliseconds,
  optional,
  requireOptionsOf,
  resolveOptions,
  type OptionsOf,
  type ResolvedOptionsOf,
} from '../transport/option-table.js';
import { REQUEST_DESERIALIZER } from './layers/packet-requests.js';

const OWN_OPTIONS = {
  /**
   * An `N2NClient` whose connection carries the calls to the handlers. With it, this strategy does not listen on a port.
   * The application may still make calls with the client.
   */
  client: optional<CallHost>((name, value) => {
    if (typeof value === 'object' && value !== null && 'hostCalls' in value) return value as CallHost;
    throw optionError(name, value, 'an N2NClient');
  }),
  /**
   * The path below which Socket.IO answers. On a shared HTTP server, no other server may use it.
   * @default '/socket.io/'
   */
  path: LISTEN_OPTIONS.path,
  /**
   * The transports that clients may use, by name.
   * @default ['nodeTransport', 'websocket']
   */
  transports: LISTEN_OPTIONS.transports,
  /**
   * How often the server pings each client, in milliseconds. It must be less than the `heartbeatTimeout` of both sides.
   * @default 10000
   */
  heartbeatInterval: LISTEN_OPTIONS.pingInterval,
  /**
   * How long the client may be silent before the server closes the connection, in milliseconds.
   * @default `heartbeatInterval` + 5000
   */
  heartbeatTimeout: optional<number>(isMilliseconds(1), {
    unit: 'milliseconds',
    inWords: `\`heartbeatInterval\` + ${LISTEN_OPTIONS.pingTimeout.byDefault}`,
  }),
  /**
   * The time limit for the handshake of a new connection, in milliseconds.
   * @default 10000
   */
  handshakeTimeout: LISTEN_OPTIONS.connectTimeout,
  /**
   * How many calls and events of one client are handled at the same time. Up to 64 times that number wait in a queue. When
   * the queue is full, a call fails with `OVERLOADED`, and an event is dropped and logged.
   * @default 1024
   */
  maxInFlight: count(DEFAULT_MAX_IN_FLIGHT, { least: 1, most: 1_000_000 }),
  /**
   * How long clients wait before they reconnect after `close`, in milliseconds. Each client picks a random delay between
   * once and twice this time, so that they do not all reconnect together. With 0, the client decides.
   * @default 0
   */
  retryAfter: milliseconds(0, 0),
  /**
   * Serializes each answer, which it gets as Nest's packet `{ response, err, isDisposed, id }`, as in Nest's TCP transport.
   * If it throws, the call fails with `NOT_SERIALIZABLE`.
   * @default none: the value travels as it is
   */
  serializer: optional<Serializer>(serializerOption, { inWords: 'none: the value travels as it is' }),
  /**
   * Deserializes each request and event into Nest's packet `{ pattern, data, id }`, as in Nest's TCP transport. It may
   * return a promise. If it throws, the call fails with `PROTOCOL_ERROR`. For a client without a `serializer`, it gets the
   * packet itself.
   * @default none; Nest's own where a client has a serializer
   */
  deserializer: optional<Deserializer>(deserializerOption, {
    inWords: "none; Nest's own where a client has a serializer",
  }),
};

/** All options of `N2NServer`. */
export const N2N_SERVER_OPTIONS = { ...LISTEN_TARGET_OPTIONS, ...OWN_OPTIONS, ...CALL_OPTIONS };

/**
 * The options of `N2NServer`. It listens on its own port, on a Unix domain socket, or on an existing HTTP server. An
 * option that is left out or `undefined` has its default value.
 */
export interface N2NServerOptions
  extends ListenTargetOptions, OptionsOf<typeof OWN_OPTIONS>, OptionsOf<typeof CALL_OPTIONS> {}

type Own = ResolvedOptionsOf<typeof OWN_OPTIONS>;

/** `N2NServerOptions` after validation. */
export interface ResolvedN2NServerOptions
  extends
    ResolvedOptionsOf<typeof CALL_OPTIONS>,
    Pick<Own, 'client' | 'handshakeTimeout' | 'maxInFlight' | 'retryAfter'> {
  readonly target: ListenTarget;
  /** The options of Socket.IO, with its names. */
  readonly socketIo: ListenOptions;
  readonly packets: PacketFormat | undefined;
  readonly clock: Clock;
}

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveN2NServerOptions(options: N2NServerOptions): ResolvedN2NServerOptions {
  requireOptionsOf('N2NServer', N2N_SERVER_OPTIONS, options);
  const own = resolveOptions(OWN_OPTIONS, options);
  const { client, handshakeTimeout, maxInFlight, retryAfter } = own;
  const call = resolveOptions(CALL_OPTIONS, options);
  const target = resolveListenTarget(options);
  if (client !== undefined) refuseBesideClient(options);
  return Object.freeze<ResolvedN2NServerOptions>({
    ...call,
    target,
    socketIo: {
      path: own.path,
      transports: own.transports,
      pingInterval: own.heartbeatInterval,
      pingTimeout: pingTimeoutOf(own),
      connectTimeout: handshakeTimeout,
      maxHttpBufferSize: call.maxPayload + HEADER_ALLOWANCE_BYTES,
    },
    handshakeTimeout,
    maxInFlight,
    retryAfter,
    packets: packetFormatOf(own, REQUEST_DESERIALIZER),
    client,
    clock: systemClock,
  });
}

/** Socket.IO's `pingTimeout` counts from the ping, and `heartbeatTimeout` from the last packet. */
function pingTimeoutOf({ heartbeatInterval, heartbeatTimeout }: Own): number | undefined {
  if (heartbeatTimeout === undefined) return undefined;
  if (heartbeatTimeout > heartbeatInterval) return heartbeatTimeout - heartbeatInterval;
  throw optionError(
    'heartbeatTimeout',
    heartbeatTimeout,
    `more than "heartbeatInterval", ${heartbeatInterval}`,
  );
}

function refuseBesideClient(options: N2NServerOptions): void {
  for (const name of ['port', 'host', 'socketPath', 'server'] as const) {
    if (options[name] !== undefined)
      throw optionError(
        name,
        options[name],
        'left out beside "client": the client connects, and nothing listens',
      );
  }
}
