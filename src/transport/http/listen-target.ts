import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { DEFAULT_HOST, DEFAULT_PORT } from '../connection/server-address.js';
import { isRecord, optionError, secretOptionError } from '../option-checks.js';
import { count, option, optional, resolveOptions, type OptionsOf } from '../option-table.js';

/** Where a server listens: on its own port, on a Unix domain socket, or with an HTTP server of the application. */
export type ListenTarget =
  | {
      readonly kind: 'port';
      readonly port: number;
      readonly host: string;
      readonly tls: TlsOptions | undefined;
    }
  | { readonly kind: 'socket'; readonly path: string; readonly tls: TlsOptions | undefined }
  | { readonly kind: 'shared'; readonly server: HttpServer };

/** The options that say where a server listens. */
export const LISTEN_TARGET_OPTIONS = {
  /**
   * The TCP port to listen on. With 0, the system picks a free port.
   * @default 6262
   */
  port: count(DEFAULT_PORT, { least: 0, most: 65_535 }),
  /**
   * The address to listen on. `localhost` stands for all loopback addresses of the machine, 127.0.0.1 and ::1. Use
   * `'0.0.0.0'` to accept connections from the network.
   * @default 'localhost'
   */
  host: option<string>(DEFAULT_HOST, (name, value) => {
    if (typeof value === 'string' && value !== '') return value;
    throw optionError(name, value, 'the name or address of an interface of this machine');
  }),
  /**
   * The path of a Unix domain socket to listen on instead of a port. A socket file that a killed process left is replaced.
   * @example '/run/words.sock'
   */
  socketPath: optional<string>((name, value) => {
    if (typeof value === 'string' && value !== '') return value;
    throw optionError(name, value, 'the path of a Unix domain socket');
  }),
  /**
   * An HTTP(S) server to share instead of a port. Its routes and other users of the server are not affected.
   * @example app.getHttpServer()
   */
  server: optional<HttpServer | HttpsServer, HttpServer>((name, value) => {
    if (value instanceof HttpServer || value instanceof HttpsServer) return value as HttpServer;
    throw optionError(name, value, 'an HTTP or HTTPS server of Node, such as app.getHttpServer()');
  }),
  /**
   * The certificate and key, as Node's `tls.createServer` takes them, for a port or a Unix domain socket. Without it, there
   * is no TLS.
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

/**
 * @param target an HTTP server, a port as a number or a string, or `unix:` and a path
 * @param place the host and the TLS settings of a port
 * @throws N2NError `INVALID_OPTIONS`
 */
export function listenTargetOf(
  target: unknown,
  place: Pick<ListenTargetOptions, 'host' | 'tls'>,
): ListenTarget {
  if (typeof target === 'number') return resolveListenTarget({ port: target, ...place });
  if (typeof target === 'object' && target !== null)
    return resolveListenTarget({ server: target as HttpServer, ...place });
  if (typeof target === 'string' && target.startsWith('unix:')) {
    return resolveListenTarget({
      socketPath: target.slice('unix:'.length).replace(/^\/\/\//, '/'),
      ...place,
    });
  }
  if (typeof target === 'string' && /^\d+$/.test(target))
    return resolveListenTarget({ port: Number(target), ...place });
  throw optionError('target', target, 'a port, an HTTP server, or "unix:/path/to/socket"');
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
