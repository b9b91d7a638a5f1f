import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NClient, N2NModule, getN2NToken } from '../../src/index.js';
import { atEnd, freePort, HOST, proveNothingIsLeft } from '../support/harness.js';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { moduleOf, startService } from '../support/service.js';
import { cutConnections, hostOver } from '../support/ways.js';

const SOON = { reconnectionDelay: 1, randomizationFactor: 0, maxReconnectionDelay: 20 };

/** What stands in a log at its default level. */
function shown({ lines }: RecordingLogger): string[] {
  return lines.filter((line) => !/^(debug|verbose) /.test(line));
}

describe.each(['nodeTransport', 'websocket'])('the log of a client, over %s', (transport) => {
  proveNothingIsLeft();

  function loggingClient(url: string, options = {}): { client: N2NClient; log: RecordingLogger } {
    const log = recordingLogger();
    const client = new N2NClient({ url, transports: [transport], logger: log, ...SOON, ...options });
    atEnd(() => client.close());
    return { client, log };
  }

  const portOfUrl = (url: string): number => Number(new URL(url).port);

  test('has one line when the connection is lost, and one when it is back', async () => {
    const service = await startService(NO_HANDLERS);
    const { client, log } = loggingClient(service.url);
    await client.connect();
    const back = new Promise((resolve) => client.on('reconnect', resolve));
    cutConnections(service);
    await back;
    expect(shown(log)).toEqual([
      `log connected to ${service.url} over ${transport}`,
      expect.stringMatching(
        new RegExp(
          `^(warn|error) .*${service.url}.* The connection lasted \\d+\\.\\d s\\. Reconnecting in 1 ms\\.$`,
        ),
      ),
      expect.stringMatching(
        new RegExp(`^log connected to ${service.url} over ${transport} again, after \\d`),
      ),
    ]);
  });

  test('has no line of the attempts in between, and one when it gives up', async () => {
    const service = await startService(NO_HANDLERS);
    const { client, log } = loggingClient(service.url, { maxReconnectionAttempts: 5, resumeWindow: 0 });
    await client.connect();
    service.io.engine.close();
    service.io.httpServer.close();
    cutConnections(service);
    await log.line(/gave up/);
    const [, lost, gaveUp, ...more] = shown(log);
    expect(lost).toMatch(/The connection lasted/);
    expect(gaveUp).toMatch(
      new RegExp(
        `^error gave up on ${service.url} after 5 attempts, .* after the connection was lost: .*ECONNREFUSED`,
      ),
    );
    expect(more).toEqual([]);
  });

  test('has one error where nobody was there in the first place, however many attempts follow', async () => {
    const port = await freePort();
    const { client, log } = loggingClient(`http://${HOST}:${port}`);
    const fifth = new Promise<void>((resolve) => {
      client.on('reconnecting', (_delay: number, attempt: number) => attempt === 5 && resolve());
    });
    const answer = lastValueFrom(client.send('echo', 1));
    await fifth;
    expect(shown(log)).toEqual([expect.stringMatching(/^error Cannot connect to .*ECONNREFUSED/)]);
    await startService(
      scripted(() => 1),
      { port, host: HOST },
    );
    await answer;
  });

  test('has nothing of a planned restart at the level of errors', async () => {
    const service = await startService(scripted(() => 1));
    const { client, log } = loggingClient(service.url);
    await lastValueFrom(client.send('echo', 1));
    const failed = log.line(/^debug Cannot connect/);
    await service.app.close();
    await failed;
    const back = new Promise((resolve) => client.on('connect', resolve));
    await startService(
      scripted(() => 1),
      { port: portOfUrl(service.url), host: HOST },
    );
    await back;
    await lastValueFrom(client.send('echo', 1));
    expect(shown(log).map((line) => line.split(' ', 1)[0])).toEqual(['log', 'log', 'log']);
    expect(shown(log)[2]).toMatch(/ again, after /);
    expect(service.log.lines.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
  });

  test('of one that hosts handlers says once that its server is not there', async () => {
    const port = await freePort();
    const { client, log } = loggingClient(`http://${HOST}:${port}`);
    const hosted = await hostOver(
      client,
      scripted(() => 1),
    );
    await log.line(/^error Cannot connect/);
    expect([...shown(log), ...hosted.log.lines].filter((line) => /Cannot connect/.test(line))).toHaveLength(
      1,
    );
  });
});

describe('the name in the log', () => {
  proveNothingIsLeft();

  /** All lines of Nest's log, with their contexts. */
  function nestLog(): { lines: [string, unknown][]; line(pattern: RegExp): Promise<unknown> } {
    const lines: [string, unknown][] = [];
    const waiting = new Set<() => void>();
    const at = (text: string, ...rest: unknown[]): void => {
      lines.push([text, rest.at(-1)]);
      for (const told of waiting) told();
    };
    Logger.overrideLogger({ log: at, error: at, warn: at, debug: at, verbose: at });
    atEnd(() => Logger.overrideLogger(true));
    const line = (pattern: RegExp): Promise<unknown> =>
      new Promise((resolve) => {
        const told = (): void => {
          const found = lines.find(([text]) => pattern.test(text));
          if (found !== undefined) resolve(found[1]);
        };
        waiting.add(told);
        told();
      });
    return { lines, line };
  }

  test.each([
    ['the name that it was registered under', 'billing', 'billing'],
    ['N2NClient without one', undefined, 'N2NClient'],
  ])('of a client is %s', async (_what, name, context) => {
    const { url } = await startService(NO_HANDLERS);
    const log = nestLog();
    const app = await NestFactory.createApplicationContext(
      moduleOf({ imports: [N2NModule.register({ name, url })] }),
    );
    atEnd(() => app.close());
    await app.get<N2NClient>(getN2NToken(name), { strict: false }).connect();
    expect(await log.line(/^connected to/)).toBe(context);
  });

  test('of a client with a logger of its own stands in the lines', async () => {
    const { url } = await startService(NO_HANDLERS);
    const log = recordingLogger();
    const registered = N2NModule.registerAsync({ name: 'billing', useFactory: () => ({ url, logger: log }) });
    const app = await NestFactory.createApplicationContext(moduleOf({ imports: [registered] }), {
      logger: false,
    });
    atEnd(() => app.close());
    await app.get<N2NClient>(getN2NToken('billing'), { strict: false }).connect();
    expect(shown(log)).toEqual([`log [billing] connected to ${url} over nodeTransport`]);
  });

  test('of a service is N2NServer', async () => {
    const { url } = await startService(NO_HANDLERS);
    const log = nestLog();
    const client = new N2NClient({ url, logging: false });
    atEnd(() => client.close());
    client.emit('nobody', 1);
    expect(await log.line(/no matching event handler/)).toBe('N2NServer');
  });
});
