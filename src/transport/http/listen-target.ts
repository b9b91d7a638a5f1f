import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { DEFAULT_HOST, DEFAULT_PORT } from '../connection/server-address.js';
import { isRecord, optionError, secretOptionError } from '../option-checks.js';
import { count, option, optional, resolveOptions, type OptionsOf } from '../option-table.js';

/** Where a server listens: a port of its own, a Unix domain socket, or an HTTP server that somebody else has. */
export type ListenTarget =
  | {
      readonly kind: 'port';
      readonly port: number;
      readonly host: string;
      readonly tls: TlsOptions | undefined;
    }
  | { readonly kind: 'socket'; readonly path: string; readonly tls: TlsOptions | undefined }
  | { readonly kind: 'shared'; readonly server: HttpServer };

/** Where a server listens, as users say it. */
export const LISTEN_TARGET_OPTIONS = {
  /**
   * The TCP port of the server's own; 0 takes any that is free.
   * @default 6262
   */
  port: count(DEFAULT_PORT, { least: 0, most: 65_535 }),
  /**
   * The address that the port is opened on. To open it to a network, say so: `'0.0.0.0'`.
   * @default 'localhost'
   */
  host: option<string>(DEFAULT_HOST, (name, value) => {
    if (typeof value === 'string' && value !== '') return value;
    throw optionError(name, value, 'the name or address of an interface of this machine');
  }),
  /**
   * The path of a Unix domain socket, in place of a port. A socket file that a killed process has left is replaced.
   * @example '/run/words.sock'
   */
  socketPath: optional<string>((name, value) => {
    if (typeof value === 'string' && value !== '') return value;
    throw optionError(name, value, 'the path of a Unix domain socket');
  }),
  /**
   * An HTTP(S) server to share, in place of a port: its routes stay as they are.
   * @example app.getHttpServer()
   */
  server: optional<HttpServer | HttpsServer, HttpServer>((name, value) => {
    if (value instanceof HttpServer || value instanceof HttpsServer) return value as HttpServer;
    throw optionError(name, value, 'an HTTP or HTTPS server of Node, such as app.getHttpServer()');
  }),
  /**
   * Certificate and key for the server's own port, as Node's `tls.createServer` takes them. Without it, there is no TLS.
   */
  tls: optional<TlsOptions>((name, value) => {
    if (isRecord(value)) return value;
    throw secretOptionError(name, value, 'an object of TLS settings');
  }),
};

export type ListenTargetOptions = OptionsOf<typeof LISTEN_TARGET_OPTIONS>;

/** @throws N2NError `INVALID_OPTIONS` */
export function resolveListenTarget(options: ListenTargetOptions): ListenTarget {
  const { port, host, socketPath, server, tls } = resolveOptions(LISTEN_TARGET_OPTIONS, options);
  if (server !== undefined) {
    refuseBeside('server', options, ['port', 'host', 'socketPath']);
    if (tls !== undefined) throw secretOptionError('tls', tls, 'left out beside "server", which has its own');
    return { kind: 'shared', server };
  }
  if (socketPath !== undefined) {
    refuseBeside('socketPath', options, ['port', 'host']);
    return { kind: 'socket', path: socketPath, tls };
  }
  return { kind: 'port', port, host, tls };
}

function refuseBeside(
  chosen: string,
  options: ListenTargetOptions,
  others: readonly (keyof ListenTargetOptions)[],
): void {
  for (const name of others) {
    if (options[name] !== undefined)
      throw optionError(name, options[name], `left out beside "${chosen}", which says where to listen`);
  }
}
