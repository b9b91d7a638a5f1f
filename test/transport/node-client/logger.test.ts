import { describe, expect, it, vi } from 'vitest';
import { LOG_LEVELS, resolveLogger, type LogLevel, type Logger } from '../../../src/transport/logger.js';
import { NodeClient } from '../../../src/transport/node-client/node-client.js';
import { freePort, HOST, proveNothingIsLeft } from '../../support/harness.js';
import { startClient, startServer } from '../harness.js';

function recordingLogger() {
  const lines: string[] = [];
  const line = (method: string) => (message: string) => void lines.push(`${method} ${message}`);
  const logger: Logger = {
    log: line('log'),
    error: line('error'),
    warn: line('warn'),
    debug: line('debug'),
    verbose: line('verbose'),
  };
  return { lines, logger };
}

function logOneOfEach(options: Parameters<typeof resolveLogger>[0]): void {
  const logger = resolveLogger(options, 'Test');
  logger.verbose('v');
  logger.debug('d');
  logger.log('l');
  logger.warn('w');
  logger.error('e');
}

describe('resolveLogger', () => {
  it.each<[LogLevel, string[]]>([
    ['ALL', ['verbose v', 'debug d', 'log l', 'warn w', 'error e']],
    ['TRACE', ['verbose v', 'debug d', 'log l', 'warn w', 'error e']],
    ['DEBUG', ['debug d', 'log l', 'warn w', 'error e']],
    ['INFO', ['log l', 'warn w', 'error e']],
    ['WARN', ['warn w', 'error e']],
    ['ERROR', ['error e']],
    ['FATAL', []],
    ['OFF', []],
    ['verbose', ['verbose v', 'debug d', 'log l', 'warn w', 'error e']],
    ['debug', ['debug d', 'log l', 'warn w', 'error e']],
    ['log', ['log l', 'warn w', 'error e']],
    ['warn', ['warn w', 'error e']],
    ['error', ['error e']],
    ['fatal', []],
  ])('at level %s passes on %j', (logLevel, expected) => {
    const { lines, logger } = recordingLogger();
    logOneOfEach({ logLevel, logger });
    expect(lines).toEqual(expected);
  });

  it('knows no level that is not in that table', () => {
    expect(LOG_LEVELS).toHaveLength(8);
    expect(() => resolveLogger({ logLevel: 'info' as LogLevel }, 'Test')).toThrow(
      `Option "logLevel" is 'info': it must be one of ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF, verbose, debug, log, warn, error, fatal.`,
    );
  });

  it('passes nothing on without logging', () => {
    const { lines, logger } = recordingLogger();
    logOneOfEach({ logging: false, logger });
    expect(lines).toEqual([]);
  });

  it('calls the methods on the logger, and does without debug and verbose', () => {
    class Counter {
      count = 0;
      log() {
        this.count += 1;
      }
      warn() {
        this.count += 1;
      }
      error() {
        this.count += 1;
      }
    }
    const logger = new Counter();
    logOneOfEach({ logger });
    expect(logger.count).toBe(3);
  });

  it('writes lines to the standard error stream by default', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      logOneOfEach({ logLevel: 'WARN' });
      const lines = write.mock.calls.map(([text]) => String(text));
      expect(lines).toHaveLength(2);
      expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z WARN \[Test\] w\n$/);
      expect(lines[1]).toMatch(/ ERROR \[Test\] e\n$/);
    } finally {
      write.mockRestore();
    }
  });
});

describe('the log of NodeClient', () => {
  proveNothingIsLeft();

  it('has the errors that nobody listens to, and they throw nothing', async () => {
    const { lines, logger } = recordingLogger();
    const client = new NodeClient(HOST, await freePort(), {
      logger,
      reconnect: false,
      transports: ['websocket'],
    });
    const logged = new Promise<void>((resolve) => {
      logger.error = (message) => {
        lines.push(`error ${message}`);
        resolve();
      };
    });
    client.connect();
    await logged;
    expect(lines.at(-1)).toMatch(/^error Cannot connect to http:.*ECONNREFUSED/);
    expect(client.connecting).toBe(false);
  });

  it('has an error of a connection and of a message, too, when nobody listens', async () => {
    const { port } = await startServer({ pingInterval: 20_000 });
    const { client, clock, lines, next } = startClient(port);
    client.removeAllListeners('error');
    client.send(1n);
    client.connect();
    await next('connect');
    clock.advance(25_001);
    expect(client.reconnecting).toBe(true);
    const errors = lines.filter((line) => line.startsWith('error'));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain('A buffered message was dropped');
    expect(errors[1]).toContain('no sign of life');
  });

  it('has no line with logging: false', async () => {
    const { port } = await startServer();
    const { client, lines, next } = startClient(port, { logging: false });
    client.connect();
    await next('connect');
    client.disconnect();
    expect(lines).toEqual([]);
  });

  it('tells of connections by address and transport', async () => {
    const { io, port } = await startServer();
    const { client, lines, next } = startClient(port, { logLevel: 'INFO' });
    client.connect();
    await next('connect');
    io.disconnectSockets(true);
    await next('reconnecting');
    client.disconnect();
    const address = `http://${HOST}:${port}`;
    expect(lines).toEqual([
      `log connected to ${address} over websocket`,
      `log disconnected from ${address}: io server disconnect. The connection lasted 0.0 s. Reconnecting in 500 ms.`,
    ]);
  });
});
