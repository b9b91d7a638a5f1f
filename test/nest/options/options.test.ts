import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  N2NClient,
  N2NModule,
  N2NServer,
  type N2NClientOptions,
  type N2NServerOptions,
} from '../../../src/index.js';
import { NodeClient } from '../../../src/node.js';
import { N2N_CLIENT_OPTIONS, resolveN2NClientOptions } from '../../../src/client-proxy/n2n-client-options.js';
import { N2N_SERVER_OPTIONS } from '../../../src/strategy/n2n-server-options.js';
import { NODE_CLIENT_OPTIONS } from '../../../src/transport/node-client/node-client-options.js';
import { n2nErrorThrown } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';

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
  path: ['', '/', 5, '/a b', '/a?b', null],
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
    ['heartbeatTimeout', { heartbeatInterval: 500, heartbeatTimeout: 500 }],
    ['heartbeatTimeout', { heartbeatTimeout: 5_000 }],
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
    ['clock', {}],
    ['random', Math.random],
  ])('%s, which is not an option of a client', (option, value) => {
    expectNamed(() => new N2NClient({ [option]: value }), option);
  });
});

/** The options of a table, each `undefined`. */
function all(table: object): Record<string, undefined> {
  return Object.fromEntries(Object.keys(table).map((name) => [name, undefined]));
}

describe('undefined means the default', () => {
  test("of the client's logger, which is Nest's", () => {
    const nest = recordingLogger();
    resolveN2NClientOptions({ logger: undefined }, nest).logger.warn('heard');
    expect(nest.lines).toEqual(['warn heard']);
  });

  test('of every option', () => {
    const { maxInflight: _typo, ...server } = all(BAD_SERVER);
    const { maxBufferd: _typo2, ...client } = all(BAD_CLIENT);
    expect(() => new N2NServer(server)).not.toThrow();
    expect(() => new N2NClient(client)).not.toThrow();
  });
});

interface Owner {
  readonly owner: string;
  readonly names: readonly string[];
  readonly make: (options: object) => unknown;
}

const OWNERS: readonly Owner[] = [
  {
    owner: 'N2NServer',
    names: Object.keys(N2N_SERVER_OPTIONS),
    make: (options) => new N2NServer(options),
  },
  {
    owner: 'N2NClient',
    names: Object.keys(N2N_CLIENT_OPTIONS),
    make: (options) => new N2NClient(options),
  },
  {
    owner: 'NodeClient',
    names: Object.keys(NODE_CLIENT_OPTIONS),
    make: (options) => new NodeClient('localhost', 6262, options),
  },
];

describe.each(OWNERS)('a misspelt option of $owner', ({ owner, names, make }) => {
  /** The suggestion for this name. */
  function meant(name: string): string | undefined {
    const error = n2nErrorThrown(() => make({ [name]: 1 }), 'INVALID_OPTIONS');
    expect(error.details).toEqual({ option: name });
    expect(error.message).toContain(`There is no option "${name}" of ${owner}. `);
    return /Did you mean "(.*)"\?$/.exec(error.message)?.[1];
  }

  test.each(names.filter(({ length }) => length > 4))('%s is found again', (name) => {
    const third = name.slice(2, 3);
    const typos = {
      missing: name.slice(0, 2) + name.slice(3),
      doubled: name.slice(0, 3) + third + name.slice(3),
      replaced: `${name.slice(0, 2)}_${name.slice(3)}`,
      swapped: name.slice(0, -2) + name.slice(-1) + name.slice(-2, -1),
      'in other letters': name.toUpperCase(),
    };
    for (const [kind, typo] of Object.entries(typos)) {
      if (!names.includes(typo)) expect(meant(typo), kind).toBe(name);
    }
  });

  test('far from every name is answered with all of them', () => {
    const { message } = n2nErrorThrown(() => make({ colour: 'blue' }), 'INVALID_OPTIONS');
    expect(message).toBe(`There is no option "colour" of ${owner}. The options are ${names.join(', ')}.`);
  });

  test.each(['constructor', 'toString', '__proto__'])('%s is one, too', (name) => {
    const options = JSON.parse(`{ "${name}": 1 }`) as object;
    expect(() => make(options)).toThrow(`There is no option "${name}"`);
  });
});

test('a misspelt setting of TLS is one, too', () => {
  const tls = { rejectUnauthorised: false };
  for (const make of [
    () => new N2NClient({ url: 'https://localhost', tls: tls as object }),
    () => new NodeClient('https://localhost', { tls: tls as object }),
  ]) {
    expect(n2nErrorThrown(make, 'INVALID_OPTIONS').message).toBe(
      'There is no option "tls.rejectUnauthorised". Did you mean "tls.rejectUnauthorized"?',
    );
  }
});

describe('the path', () => {
  test('has one of its two names, or both where they agree', () => {
    expect(() => new N2NClient({ path: '/rpc/', resource: 'rpc' })).not.toThrow();
    expectNamed(() => new N2NClient({ path: '/rpc', resource: 'socket.io' }), 'resource');
    expectNamed(() => new NodeClient('localhost', { path: '/socket.io', resource: 'rpc' }), 'resource');
  });
});
