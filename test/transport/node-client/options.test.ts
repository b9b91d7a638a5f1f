import { describe, expect, it } from 'vitest';
import { N2NError } from '../../../src/n2n-error.js';
import { addressLabel } from '../../../src/transport/connection/server-address.js';
import {
  resolveNodeClientOptions,
  type NodeClientOptions,
} from '../../../src/transport/node-client/node-client-options.js';
import { NodeClient } from '../../../src/transport/node-client/node-client.js';

function resolve(options: NodeClientOptions = {}, hostOrUrl?: unknown, port?: unknown) {
  return resolveNodeClientOptions({ hostOrUrl, port }, options);
}

/** Options as they come from a program without types. */
function untyped(options: object): NodeClientOptions {
  return options;
}

function refusal(run: () => unknown): N2NError {
  try {
    run();
  } catch (error) {
    if (error instanceof N2NError) return error;
  }
  throw new TypeError('nothing was refused');
}

const DEFAULTS = {
  address: { kind: 'tcp', host: 'localhost', port: 6262, secure: false },
  path: '/socket.io',
  reconnect: true,
  timeout: 25_000,
  connectTimeout: 10_000,
  maxReconnectionAttempts: 10,
  reconnectionDelay: 500,
  maxReconnectionDelay: 30_000,
  randomizationFactor: 0.5,
  tls: {},
  maxBuffered: 10_000,
};

describe('the options of NodeClient', () => {
  it('have the defaults that are documented', () => {
    expect(resolve()).toMatchObject(DEFAULTS);
    expect(resolve().transports.map((transport) => transport.name)).toEqual(['nodeTransport', 'websocket']);
    expect(resolve().auth()).toBeUndefined();
    expect(resolve().random).toBe(Math.random);
  });

  it('mean the default when they are undefined', () => {
    const names = [
      'logging',
      'logLevel',
      'logger',
      'reconnect',
      'secure',
      'timeout',
      'connectTimeout',
      'resource',
    ];
    names.push('maxReconnectionAttempts', 'reconnectionDelay', 'maxReconnectionDelay', 'randomizationFactor');
    names.push('transports', 'tls', 'auth', 'maxBuffered', 'parser', 'clock', 'random');
    const resolved = resolve(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(resolved).toMatchObject(DEFAULTS);
    expect(resolved.transports).toHaveLength(2);
    expect(Object.values(resolved)).not.toContain(undefined);
  });

  it.each([
    ['reconnect', 'yes'],
    ['reconnect', null],
    ['secure', 1],
    ['timeout', 0],
    ['timeout', -1],
    ['timeout', '25000'],
    ['timeout', Number.NaN],
    ['timeout', Infinity],
    ['timeout', 1.5],
    ['timeout', 2 ** 31],
    ['connectTimeout', 0],
    ['reconnectionDelay', 0],
    ['maxReconnectionDelay', Infinity],
    ['maxReconnectionAttempts', 0],
    ['maxReconnectionAttempts', -5],
    ['maxReconnectionAttempts', 2.5],
    ['maxReconnectionAttempts', '10'],
    ['randomizationFactor', -0.1],
    ['randomizationFactor', 1.1],
    ['randomizationFactor', '0.5'],
    ['maxBuffered', -1],
    ['maxBuffered', Number.NaN],
    ['resource', ''],
    ['resource', '/'],
    ['resource', 'a?b=c'],
    ['resource', 7],
    ['logging', 'no'],
    ['logLevel', 'LOUD'],
    ['logLevel', 3],
    ['logger', console.log],
    ['logger', { log() {} }],
    ['transports', 'websocket'],
    ['transports', []],
    ['transports', ['carrier pigeon']],
    ['transports', ['websocket', 'websocket']],
    ['tls', true],
    ['tls', {}],
    ['auth', 'token'],
    ['auth', ['token']],
    ['auth', null],
    ['parser', {}],
    ['parser', { Encoder: Map }],
    ['clock', {}],
    ['clock', { setTimeout, clearTimeout }],
    ['random', 0.5],
  ])('refuse %s: %o, and name it', (name, value) => {
    const error = refusal(() => resolve({ [name]: value }));
    expect(error.code).toBe('INVALID_OPTIONS');
    expect(error.message).toContain(name);
  });

  it('tell the value and what is allowed', () => {
    expect(refusal(() => resolve({ timeout: -1 })).message).toBe(
      'Option "timeout" is -1: it must be a whole number of milliseconds, from 1 to 2147483647.',
    );
    expect(refusal(() => resolve({ maxReconnectionAttempts: 0 })).message).toBe(
      'Option "maxReconnectionAttempts" is 0: it must be a whole number, 1 or more, or Infinity.',
    );
  });

  it('refuse a name that is none of them', () => {
    const misspelt = untyped({ reconnectDelay: 5 });
    expect(refusal(() => resolve(misspelt)).message).toMatch(/no option "reconnectDelay".*reconnectionDelay/);
    const misspeltTls = untyped({ tls: { rejectUnauthorised: false } });
    expect(refusal(() => resolve(misspeltTls, 'https://localhost')).message).toContain(
      'tls.rejectUnauthorised',
    );
  });

  it('never show what is secret', () => {
    const secrets = [{ auth: 'hunter2' }, { tls: 'hunter2' }, { tls: { key: 'hunter2' } }] as object[];
    for (const options of secrets) {
      expect(refusal(() => resolve(options)).message).not.toContain('hunter2');
    }
    expect(refusal(() => resolve({}, 'http://ann:hunter2@localhost')).message).not.toContain('hunter2');
  });

  it('refuse null and arrays for the whole of them', () => {
    for (const options of JSON.parse('[null, [], "x"]')) {
      expect(refusal(() => resolve(options)).code).toBe('INVALID_OPTIONS');
    }
  });

  it('verify certificates unless told otherwise', () => {
    expect(resolve({ secure: true }).tls).toEqual({});
    expect(resolve({ tls: { rejectUnauthorized: undefined } }, 'https://localhost').tls).toEqual({});
    expect(resolve({ tls: { rejectUnauthorized: false } }, 'https://localhost').tls).toEqual({
      rejectUnauthorized: false,
    });
    const bad = untyped({ tls: { rejectUnauthorized: 0 } });
    expect(refusal(() => resolve(bad, 'https://localhost')).message).toContain('tls.rejectUnauthorized');
  });

  it.each([
    ['socket.io', '/socket.io'],
    ['/socket.io/', '/socket.io'],
    ['rpc/v1', '/rpc/v1'],
  ])('take the resource %s as the path %s', (resource, path) => {
    expect(resolve({ resource }).path).toBe(path);
  });
});

describe('the address of NodeClient', () => {
  it.each([
    ['localhost', 8080, 'http://localhost:8080'],
    ['127.0.0.1', undefined, 'http://127.0.0.1:6262'],
    ['::1', 80, 'http://[::1]:80'],
    [undefined, undefined, 'http://localhost:6262'],
    ['http://words:8080', undefined, 'http://words:8080'],
    ['http://words', undefined, 'http://words:80'],
    ['HTTPS://words/', undefined, 'https://words:443'],
    ['http://[::1]:81', undefined, 'http://[::1]:81'],
    ['unix:/run/words.sock', undefined, 'unix:/run/words.sock'],
    ['unix:///run/words.sock', undefined, 'unix:/run/words.sock'],
    ['unix:words.sock', undefined, 'unix:words.sock'],
  ])('%s, %s is %s', (host, port, label) => {
    expect(addressLabel(resolve({}, host, port).address)).toBe(label);
  });

  it('is secure by option, by https:, and on a Unix socket by option', () => {
    expect(resolve({ secure: true }, 'words', 1).address.secure).toBe(true);
    expect(resolve({}, 'https://words').address.secure).toBe(true);
    expect(resolve({ secure: true }, 'https://words').address.secure).toBe(true);
    expect(resolve({ secure: true }, 'unix:/words.sock').address.secure).toBe(true);
    expect(resolve({}, 'unix:/words.sock').address.secure).toBe(false);
  });

  it.each([
    ['host', '', 80],
    ['host', 'a b', 80],
    ['host', 'words:80', 80],
    ['host', '[::1]', 80],
    ['host', 'ws://words', 80],
    ['host', 7, 80],
    ['port', 'words', 0],
    ['port', 'words', 65_536],
    ['port', 'words', '80'],
    ['port', 'words', 1.5],
    ['port', 'http://words', 80],
    ['url', 'http://', undefined],
    ['url', 'http://words/path', undefined],
    ['url', 'http://words/?query', undefined],
    ['url', 'http://ann:secret@words', undefined],
    ['url', 'unix:', undefined],
    ['url', 'unix:a\0b', undefined],
    ['port', 'http://words:0', undefined],
  ])('refuses a bad %s: %s, %s', (option, host, port) => {
    const error = refusal(() => resolve({}, host, port));
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS', details: { option } });
  });

  it('refuses a URL that the option secure contradicts', () => {
    expect(refusal(() => resolve({ secure: false }, 'https://words')).message).toContain('"secure"');
    expect(refusal(() => resolve({ secure: true }, 'http://words')).message).toContain('"secure"');
  });

  it('is taken by the constructor in both forms', () => {
    expect(() => new NodeClient('http://words', { timeout: 1 })).not.toThrow();
    expect(() => new NodeClient('words', 80, { timeout: 1 })).not.toThrow();
    expect(() => new NodeClient('words', { timeout: 1 })).not.toThrow();
    expect(() => new NodeClient()).not.toThrow();
    expect(() => new NodeClient('http://words', { timeout: 0 })).toThrow(/timeout/);
    expect(() => new NodeClient('words', 80, { timeout: 0 })).toThrow(/timeout/);
    expect(() => new NodeClient('http://words', 80)).toThrow(/port/);
  });
});
