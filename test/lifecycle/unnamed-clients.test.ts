import { NestFactory } from '@nestjs/core';
import { describe, expect, test } from 'vitest';
import { N2NClient, N2NModule } from '../../src/index.js';
import { atEnd, proveNothingIsLeft } from '../support/harness.js';
import { moduleOf } from '../support/service.js';

const QUIET = { logger: false, abortOnError: false } as const;
const client = (url: string, name?: string) => N2NModule.register({ url, name, logging: false });

describe('clients without a name', () => {
  proveNothingIsLeft();

  test('of one module are refused at start, with what to do', async () => {
    const module = moduleOf({ imports: [client('http://one'), client('http://other')] });
    await expect(NestFactory.createApplicationContext(module, QUIET)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(
        /TestModule imports 2 clients without a name.*@InjectN2N\(name\)/,
      ) as unknown,
    });
  });

  test('of one module are so, too, where they come from factories', async () => {
    const made = (url: string) => N2NModule.registerAsync({ useFactory: () => ({ url, logging: false }) });
    const module = moduleOf({ imports: [made('http://one'), client('http://other')] });
    await expect(NestFactory.createApplicationContext(module, QUIET)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    });
  });

  test('may be in several modules, and beside one with a name', async () => {
    const inner = moduleOf({ imports: [client('http://one')] });
    const module = moduleOf({ imports: [inner, client('http://other'), client('http://third', 'third')] });
    const app = await NestFactory.createApplicationContext(module, QUIET);
    atEnd(() => app.close());
    expect(app.get(N2NClient, { strict: false })).toBeInstanceOf(N2NClient);
  });

  test('may be imported more than once', async () => {
    const shared = client('http://one');
    const app = await NestFactory.createApplicationContext(moduleOf({ imports: [shared, shared] }), QUIET);
    atEnd(() => app.close());
    expect(app.get(N2NClient, { strict: false })).toBeInstanceOf(N2NClient);
  });
});
