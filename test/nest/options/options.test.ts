import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  N2NClient,
  N2NModule,
  N2NServer,
  type N2NClientOptions,
  type N2NServerOptions,
} from '../../../src/index.js';
import { n2nErrorThrown } from '../../support/outcome.js';

const NOT_COUNTS = [-1, 1.5, NaN, '5', null, 2 ** 31, true];
const NOT_MILLISECONDS = [0, Infinity, ...NOT_COUNTS];

/** Each option with values that it cannot have. Types say so already, but not to JavaScript or configuration files. */
const BAD_SERVER: Record<string, unknown[]> = {
  port: [-1, 65_536, 1.5, '6262', NaN, null],
  host: ['', 5, null],
  socketPath: ['', 5, null],
  server: [{}, 'http', null, 5],
  tls: [true, 'cert', []],
  path: ['', '/', 5, '/a b', '/a?b', null],
  transports: [[], 'websocket', ['carrier pigeon'], ['__proto__'], null],
  heartbeatInterval: NOT_MILLISECONDS,
  heartbeatTimeout: NOT_MILLISECONDS,
  handshakeTimeout: NOT_MILLISECONDS,
  maxPayload: [0, 1023, ...NOT_COUNTS],
  maxInFlight: [0, ...NOT_COUNTS],
  maxInflight: [5],
};

const BAD_CLIENT: Record<string, unknown[]> = {
  url: [
    '',
    'nonsense',
    'localhost:6262',
    'ftp://a',
    'http://',
    'http://a:99999',
    'http://a/path',
    'http://u:p@a',
    5,
    {},
    null,
  ],
  timeout: NOT_COUNTS,
  heartbeatTimeout: NOT_MILLISECONDS,
  connectTimeout: NOT_MILLISECONDS,
  maxPayload: [0, 1023, ...NOT_COUNTS],
  maxBuffered: NOT_COUNTS,
  maxBufferedBytes: [-1, 1.5, NaN, '5', null, Infinity],
  transports: [[], 'websocket', ['carrier pigeon'], null],
  reconnect: ['yes', 1, null],
  reconnectionDelay: NOT_MILLISECONDS,
  maxReconnectionAttempts: [0, -1, '10'],
  randomizationFactor: [-0.1, 1.1, '0.5'],
  tls: [true, { ca: 'x' }],
  auth: ['secret-token', 5],
  resource: ['', '/', 5],
  logger: ['console', {}],
  maxBufferd: [5],
};

function cases(table: Record<string, unknown[]>): [string, unknown][] {
  return Object.entries(table).flatMap(([option, values]) =>
    values.map((value): [string, unknown] => [option, value]),
  );
}

function expectNamed(act: () => unknown, option: string): void {
  const { message } = n2nErrorThrown(act, 'INVALID_OPTIONS');
  expect(message).toContain(option);
  expect(message).not.toContain('secret-token');
}

describe('bad options of the server', () => {
  test.each(cases(BAD_SERVER))('%s: %j', (option, value) => {
    expectNamed(() => new N2NServer({ [option]: value }), option);
  });

  test.each([
    ['port', { server: createServer(), port: 5 }],
    ['host', { server: createServer(), host: 'a' }],
    ['socketPath', { server: createServer(), socketPath: '/a' }],
    ['tls', { server: createServer(), tls: {} }],
    ['port', { socketPath: '/a', port: 5 }],
  ])('%s beside what it contradicts', (option, options) => {
    expectNamed(() => new N2NServer(options), option);
  });

  test.each([null, 5, 'x', []])('%j in place of options', (options) => {
    expectNamed(() => new N2NServer(options as unknown as N2NServerOptions), 'options');
  });
});

describe('bad options of the client', () => {
  test.each(cases(BAD_CLIENT))('%s: %j', (option, value) => {
    expectNamed(() => new N2NClient({ [option]: value }), option);
  });

  test.each([null, 5, 'x', []])('%j in place of options', (options) => {
    expectNamed(() => new N2NClient(options as unknown as N2NClientOptions), 'options');
  });

  test('a password in the URL is not shown', () => {
    const { message } = n2nErrorThrown(
      () => new N2NClient({ url: 'http://user:hunter2@host' }),
      'INVALID_OPTIONS',
    );
    expect(message).not.toContain('hunter2');
  });

  test('fail where the module is put together', () => {
    expectNamed(() => N2NModule.register({ timeout: -1 }), 'timeout');
    expectNamed(() => N2NModule.registerAsync({}), 'useFactory');
  });

  // Options of the layer below that the client sets itself: a value of the user's would be ignored in silence.
  test.each([
    ['secure', true],
    ['parser', {}],
  ])('%s, which is not an option of a client', (option, value) => {
    expectNamed(() => new N2NClient({ [option]: value }), option);
  });
});

/** The options of a table, each `undefined`. */
function all(table: object): Record<string, undefined> {
  return Object.fromEntries(Object.keys(table).map((name) => [name, undefined]));
}

describe('undefined means the default', () => {
  test('of every option', () => {
    const { maxInflight: _typo, ...server } = all(BAD_SERVER);
    const { maxBufferd: _typo2, ...client } = all(BAD_CLIENT);
    expect(() => new N2NServer(server)).not.toThrow();
    expect(() => new N2NClient(client)).not.toThrow();
  });
});
