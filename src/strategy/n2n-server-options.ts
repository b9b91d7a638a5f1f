import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import type { Deserializer, Serializer } from '@nestjs/microservices';
import { systemClock, type Clock } from '../clock.js';
import type { Codec, CodecName, UserCodec } from '../protocol/values/codec.js';
import type { CallHost } from '../call/call-host.js';
import { callTimeoutOption, codecOption, replayOption, spanOption } from '../call/call-options.js';
import { packetFormatOption, type PacketFormat } from '../call/nest-packets/packet-format.js';
import { resolveListenTarget, type ListenTarget } from '../transport/http/http-listener.js';
import type { ListenOptions } from '../transport/http/listen-options.js';
import {
  requireOptions,
  millisecondsOption,
  optionError,
  payloadOption,
  refuseUnknownOptions,
  wholeNumberOption,
} from '../transport/option-checks.js';
import { REQUEST_DESERIALIZER } from './layers/packet-requests.js';

/** Where `N2NServer` listens: a port of its own, a Unix domain socket, or an HTTP server that listens already. */
export interface N2NServerOptions {
  /**
   * The TCP port of the server's own; 0 takes any that is free.
   * @default 6262
   */
  port?: number | undefined;
  /**
   * The address that the port is opened on. Opening it to a network is an act of yours: `'0.0.0.0'`.
   * @default 'localhost'
   */
  host?: string | undefined;
  /**
   * The path of a Unix domain socket, in place of a port.
   * @example '/run/words.sock'
   */
  socketPath?: string | undefined;
  /**
   * An HTTP(S) server to share, in place of a port: its routes stay as they are.
   * @example app.getHttpServer()
   */
  server?: HttpServer | HttpsServer | undefined;
  /**
   * Certificate and key for the server's own port, as `tls.createServer` takes them. Without it, there is no TLS.
   */
  tls?: TlsOptions | undefined;
  /**
   * The path below which Socket.IO answers.
   * @default '/socket.io/'
   */
  path?: string | undefined;
  /**
   * The transports that clients may use, by name.
   * @default ['nodeTransport', 'websocket']
   */
  transports?: readonly string[] | undefined;
  /**
   * How often a client is pinged, in milliseconds.
   * @default 10000
   */
  heartbeatInterval?: number | undefined;
  /**
   * How long a client may take to answer a ping before it is taken for dead, in milliseconds.
   * @default 5000
   */
  heartbeatTimeout?: number | undefined;
  /**
   * How long a client may take from its connection to its first words, in milliseconds.
   * @default 10000
   */
  handshakeTimeout?: number | undefined;
  /**
   * The longest payload that is taken, in bytes. It is told to clients, whose longer calls fail on their side.
   * @default 4194304 (4 MiB)
   */
  maxPayload?: number | undefined;
  /**
   * How many calls and events of one client are handled at once. 64 times as many wait in order; a call beyond them
   * fails with `OVERLOADED`, an event beyond them is dropped and logged.
   * @default 1024
   */
  maxInFlight?: number | undefined;
  /**
   * How long a call that the server makes to one of its clients waits without any answer, in milliseconds; 0 for ever.
   * @default 30000
   */
  timeout?: number | undefined;
  /**
   * How long a session is kept when its connection is lost, in milliseconds: within that time its client comes back, and
   * every call and stream that was under way goes on. 0 for not at all. The shorter of the two sides' windows counts.
   * @default 10000
   */
  resumeWindow?: number | undefined;
  /**
   * How many bytes may be sent to a client that it has not acknowledged: they are kept, to be sent again after a break.
   * At the bound, what is sent waits.
   * @default 8388608 (8 MiB)
   */
  maxReplay?: number | undefined;
  /**
   * How long `close` lets calls under way end, in milliseconds; 0 for not at all.
   * @default 10000
   */
  drainTimeout?: number | undefined;
  /**
   * When clients that were sent away by `close` may come back, in milliseconds; 0 leaves that to them. Each comes back
   * between once and twice the time later, so that they do not all come at once.
   * @default 0
   */
  retryAfter?: number | undefined;
  /**
   * How values are written: `'json'`, `'v8'` (Node's structured clone), or your own. Clients must have the same.
   * @default 'json'
   */
  codec?: CodecName | UserCodec | undefined;
  /**
   * Makes of each answer, as Nest's packet `{ response, err, isDisposed, id }`, what is sent in its place: as in Nest's
   * TCP transport. What it throws fails the call with `NOT_SERIALIZABLE`.
   * @default none: the value travels as it is
   */
  serializer?: Serializer | undefined;
  /**
   * Makes Nest's packet `{ pattern, data, id }` of each request and event: as in Nest's TCP transport; it may give a
   * promise. What it throws fails the call with `PROTOCOL_ERROR`. Of a client that has no `serializer`, it is given the
   * packet that one would have been given.
   * @default none; Nest's own where a client has a serializer
   */
  deserializer?: Deserializer | undefined;
  /**
   * Hosts the handlers for the server that this client has dialed, in place of listening: calls come over the client's
   * own connection. The client stays yours to call with.
   */
  client?: CallHost | undefined;
}

/** `N2NServerOptions` after validation. */
export interface ResolvedN2NServerOptions {
  readonly target: ListenTarget;
  /** For Socket.IO, in its own names. */
  readonly socketIo: ListenOptions;
  readonly handshakeTimeout: number;
  readonly maxPayload: number;
  readonly maxInFlight: number;
  readonly timeout: number;
  readonly resumeWindow: number;
  readonly maxReplay: number;
  readonly drainTimeout: number;
  readonly retryAfter: number;
  readonly codec: Codec;
  readonly packets: PacketFormat | undefined;
  readonly client: CallHost | undefined;
  readonly clock: Clock;
}

const OPTION_NAMES: readonly (keyof N2NServerOptions)[] = [
  'port',
  'host',
  'socketPath',
  'server',
  'tls',
  'path',
  'transports',
  'heartbeatInterval',
  'heartbeatTimeout',
  'handshakeTimeout',
  'maxPayload',
  'maxInFlight',
  'timeout',
  'resumeWindow',
  'maxReplay',
  'drainTimeout',
  'retryAfter',
  'codec',
  'serializer',
  'deserializer',
  'client',
];

/** What a packet may have around a payload: frames, a pattern, metadata, attachments. */
const PACKET_ALLOWANCE = 256 * 1024;

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveN2NServerOptions(options: N2NServerOptions): ResolvedN2NServerOptions {
  requireOptions(options);
  refuseUnknownOptions(options, OPTION_NAMES);
  const handshakeTimeout = millisecondsOption('handshakeTimeout', options.handshakeTimeout, 10_000);
  const maxPayload = payloadOption('maxPayload', options.maxPayload);
  return Object.freeze<ResolvedN2NServerOptions>({
    target: resolveListenTarget(options),
    socketIo: {
      path: options.path,
      transports: options.transports,
      pingInterval: millisecondsOption('heartbeatInterval', options.heartbeatInterval, 10_000),
      pingTimeout: millisecondsOption('heartbeatTimeout', options.heartbeatTimeout, 5_000),
      connectTimeout: handshakeTimeout,
      maxHttpBufferSize: maxPayload + PACKET_ALLOWANCE,
    },
    handshakeTimeout,
    maxPayload,
    maxInFlight: wholeNumberOption('maxInFlight', options.maxInFlight, 1024, { least: 1, most: 1_000_000 }),
    timeout: callTimeoutOption(options.timeout),
    resumeWindow: spanOption('resumeWindow', options.resumeWindow, 10_000),
    maxReplay: replayOption(options.maxReplay),
    drainTimeout: spanOption('drainTimeout', options.drainTimeout, 10_000),
    retryAfter: spanOption('retryAfter', options.retryAfter, 0),
    codec: codecOption(options.codec),
    packets: packetFormatOption(options, REQUEST_DESERIALIZER),
    client: resolveClient(options),
    clock: systemClock,
  });
}

function resolveClient({ client, port, host, socketPath, server }: N2NServerOptions): CallHost | undefined {
  if (client === undefined) return undefined;
  const given: unknown = client;
  if (typeof given !== 'object' || given === null || !('hostCalls' in given)) {
    throw optionError('client', client, 'an N2NClient');
  }
  for (const [name, value] of Object.entries({ port, host, socketPath, server })) {
    if (value !== undefined)
      throw optionError(name, value, 'left out beside "client", which has dialed already');
  }
  return client;
}
