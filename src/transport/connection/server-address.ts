import { isIPv6 } from 'node:net';
import { optionError } from '../option-checks.js';

/** The address of a server, and whether it uses TLS. */
export type ServerAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly secure: boolean }
  | { readonly kind: 'unix'; readonly socketPath: string; readonly secure: boolean };

export const DEFAULT_HOST = 'localhost';
export const DEFAULT_PORT = 6262;

/** The schemes of URLs that are addresses of servers. */
const URL_SCHEME = /^(https?|unix):/i;

export function looksLikeUrl(value: unknown): value is string {
  return typeof value === 'string' && URL_SCHEME.test(value);
}

/** @throws N2NError `INVALID_OPTIONS` */
export function addressOfHost(host: unknown, port: unknown, secure: boolean): ServerAddress {
  return {
    kind: 'tcp',
    host: checkHost(host ?? DEFAULT_HOST),
    port: checkPort(port ?? DEFAULT_PORT),
    secure,
  };
}

/**
 * Parses `http://host:port`, `https://host:port` or `unix:/path/to/socket`. The default port is that of the scheme.
 * @param secure the option `secure`; undefined means that the URL decides
 * @throws N2NError `INVALID_OPTIONS`
 */
export function addressOfUrl(url: string, secure: boolean | undefined): ServerAddress {
  if (/^unix:/i.test(url)) return unixAddress(url, secure ?? false);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw optionError('url', url, 'a http:, https: or unix: URL');
  if (parsed.username !== '' || parsed.password !== '') {
    // The URL is not shown: it holds a password.
    throw optionError(
      'url',
      `${parsed.protocol}//…@${parsed.host}`,
      'without credentials; give them in "auth"',
    );
  }
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '') {
    throw optionError('url', url, 'an address alone; the path on the server is the option "path"');
  }
  const isSecure = parsed.protocol === 'https:';
  if (secure !== undefined && secure !== isSecure) {
    throw optionError('secure', secure, `${isSecure} or left out for ${parsed.protocol}//${parsed.host}`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? (isSecure ? 443 : 80) : Number(parsed.port);
  return { kind: 'tcp', host, port: checkPort(port), secure: isSecure };
}

/** The address as a URL, for logs. */
export function addressLabel(address: ServerAddress): string {
  if (address.kind === 'unix') return `unix:${address.socketPath}${address.secure ? ' (TLS)' : ''}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.secure ? 'https' : 'http'}://${host}:${address.port}`;
}

function unixAddress(url: string, secure: boolean): ServerAddress {
  const socketPath = url.replace(/^unix:(\/\/(?=\/))?/i, '');
  if (socketPath === '' || socketPath.includes('\0')) {
    throw optionError('url', url, 'unix: and the path of a socket, such as unix:/run/words.sock');
  }
  return { kind: 'unix', socketPath, secure };
}

function checkHost(host: unknown): string {
  if (typeof host === 'string' && (isIPv6(host) || /^[^\s:/?#@[\]\\]+$/.test(host))) return host;
  throw optionError('host', host, 'a host name or an IP address, without scheme, port or brackets');
}

function checkPort(port: unknown): number {
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw optionError('port', port, 'a whole number from 1 to 65535');
}
