import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { systemClock, type Clock } from '../clock.js';
import { resolveListenTarget, type ListenTarget } from '../transport/http-listener.js';
import type { ListenOptions } from '../transport/listen-options.js';
import {
  requireOptions,
  millisecondsOption,
  payloadOption,
  refuseUnknownOptions,
  wholeNumberOption,
} from '../transport/option-checks.js';

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
}

/** `N2NServerOptions` after validation. */
export interface ResolvedN2NServerOptions {
  readonly target: ListenTarget;
  /** For Socket.IO, in its own names. */
  readonly socketIo: ListenOptions;
  readonly handshakeTimeout: number;
  readonly maxPayload: number;
  readonly maxInFlight: number;
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
    clock: systemClock,
  });
}
