import { Controller, Injectable, Module } from '@nestjs/common';
import {
  Client,
  type ClientOptions,
  ClientProxy,
  ClientsModule,
  MessagePattern,
} from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import type { DynamicModule, INestApplicationContext, InjectionToken, ModuleMetadata } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  getN2NToken,
  InjectN2N,
  N2NClient,
  N2NModule,
  type N2NClientOptions,
  type N2NOptionsFactory,
} from '../../../src/index.js';
import { atEnd, proveNothingIsLeft } from '../../support/harness.js';
import { asN2NError, n2nErrorOf } from '../../support/outcome.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { moduleOf, startService } from '../../support/service.js';

/** A service that says its name. */
async function startNamed(name: string): Promise<string> {
  @Controller()
  class NameController {
    @MessagePattern('name')
    name(): string {
      return name;
    }
  }
  return (await startService({ controllers: [NameController] })).url;
}

async function startApp(parts: ModuleMetadata): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(moduleOf(parts), {
    logger: recordingLogger(),
    abortOnError: false,
  });
  atEnd(() => app.close());
  return app;
}

function nameOf(client: ClientProxy): Promise<string> {
  return lastValueFrom(client.send<string>('name', {}));
}

@Injectable()
class Caller {
  constructor(readonly n2n: N2NClient) {}
}

@Injectable()
class BillingCaller {
  constructor(
    @InjectN2N('billing') readonly billing: N2NClient,
    @InjectN2N() readonly n2n: N2NClient,
  ) {}
}

/** What a configuration service would know. */
let configuredUrl = '';

@Injectable()
class Configuration implements N2NOptionsFactory {
  createN2NOptions(): N2NClientOptions {
    return { url: configuredUrl, logging: false };
  }
}

@Module({ providers: [Configuration], exports: [Configuration] })
class ConfigurationModule {}

describe('N2NModule.register', () => {
  proveNothingIsLeft();

  test('injects the client by its class, and closes it at shutdown', async () => {
    const url = await startNamed('words');
    const app = await startApp({
      imports: [N2NModule.register({ url, logging: false })],
      providers: [Caller],
    });
    const { n2n } = app.get(Caller);
    expect(n2n).toBeInstanceOf(N2NClient);
    expect(await nameOf(n2n)).toBe('words');
    await app.close();
    expect(n2n.unwrap().connected).toBe(false);
    await n2nErrorOf(n2n.send('name', {}), 'CLOSED');
  });

  test('several, each by its name, each to its own service', async () => {
    const [words, billing] = [await startNamed('words'), await startNamed('billing')];
    const app = await startApp({
      imports: [
        N2NModule.register({ url: words, logging: false }),
        N2NModule.register({ name: 'billing', url: billing, logging: false }),
      ],
      providers: [BillingCaller],
    });
    const caller = app.get(BillingCaller);
    expect([await nameOf(caller.n2n), await nameOf(caller.billing)]).toEqual(['words', 'billing']);
    expect(app.get(getN2NToken('billing'))).toBe(caller.billing);
    await app.close();
    for (const client of [caller.n2n, caller.billing]) await n2nErrorOf(client.send('name', {}), 'CLOSED');
  });

  test.each([
    ['register', (isGlobal: boolean) => N2NModule.register({ isGlobal })],
    ['registerAsync', (isGlobal: boolean) => N2NModule.registerAsync({ isGlobal, useFactory: () => ({}) })],
  ])(
    '%s: isGlobal reaches modules that do not import it; without it, they cannot have it',
    async (_name, register) => {
      const inner = (): ModuleMetadata => ({
        imports: [moduleOf({ providers: [Caller], exports: [Caller] })],
      });
      const start = (isGlobal: boolean): Promise<INestApplicationContext> =>
        startApp({ imports: [register(isGlobal), ...(inner().imports ?? [])] });
      const app = await start(true);
      expect(app.get(Caller, { strict: false }).n2n).toBeInstanceOf(N2NClient);
      await expect(start(false)).rejects.toThrow(/N2NClient/);
    },
  );
});

describe('N2NModule.registerAsync', () => {
  proveNothingIsLeft();

  test.each([
    [
      'useFactory, with what it injects',
      () =>
        N2NModule.registerAsync({
          imports: [ConfigurationModule],
          inject: [Configuration],
          useFactory: async (configuration: Configuration) =>
            Promise.resolve(configuration.createN2NOptions()),
        }),
    ],
    [
      'inject with an optional provider',
      () =>
        N2NModule.registerAsync({
          inject: [{ token: 'NO_SUCH_PROVIDER', optional: true }],
          useFactory: (url: string | undefined) => ({ url: url ?? configuredUrl, logging: false }),
        }),
    ],
    ['useClass', () => N2NModule.registerAsync({ useClass: Configuration })],
    [
      'useExisting',
      () => N2NModule.registerAsync({ imports: [ConfigurationModule], useExisting: Configuration }),
    ],
  ])('%s', async (_name, register) => {
    configuredUrl = await startNamed('configured');
    const app = await startApp({ imports: [register()], providers: [Caller] });
    const { n2n } = app.get(Caller);
    expect(await nameOf(n2n)).toBe('configured');
    await app.close();
    await n2nErrorOf(n2n.send('name', {}), 'CLOSED');
  });

  test('by a name', async () => {
    configuredUrl = await startNamed('configured');
    const app = await startApp({
      imports: [N2NModule.registerAsync({ name: 'x', useClass: Configuration })],
    });
    expect(await nameOf(app.get<N2NClient>(getN2NToken('x')))).toBe('configured');
  });

  test('bad options fail the start of the application', async () => {
    const error: unknown = await startApp({
      imports: [N2NModule.registerAsync({ useFactory: () => ({ timeout: -1 }) })],
    }).catch((reason: unknown) => reason);
    expect(asN2NError(error, 'INVALID_OPTIONS').message).toContain('"timeout"');
  });
});

describe("Nest's own ways to have a client", () => {
  proveNothingIsLeft();

  test('ClientsModule with customClass, closed at shutdown', async () => {
    const url = await startNamed('words');
    const app = await startApp({
      imports: [
        ClientsModule.register([{ name: 'WORDS', customClass: N2NClient, options: { url, logging: false } }]),
      ],
    });
    const client = app.get<ClientProxy>('WORDS');
    expect(await nameOf(client)).toBe('words');
    await app.close();
    await n2nErrorOf(client.send('name', {}), 'CLOSED');
  });

  test.each<[string, (url: string) => [DynamicModule, InjectionToken]]>([
    ['N2NModule.register', (url) => [N2NModule.register({ url, logging: false }), N2NClient]],
    [
      'ClientsModule.register',
      (url) => [
        ClientsModule.register([{ name: 'WORDS', customClass: N2NClient, options: { url, logging: false } }]),
        'WORDS',
      ],
    ],
  ])('%s: the second application of a module calls, after the first was closed', async (_name, register) => {
    const [module, token] = register(await startNamed('words'));
    for (let application = 0; application < 3; application += 1) {
      const app = await startApp({ imports: [module] });
      const client = app.get<ClientProxy>(token);
      expect(await nameOf(client)).toBe('words');
      await app.close();
      await n2nErrorOf(client.send('name', {}), 'CLOSED');
    }
  });

  test('@Client()', async () => {
    const url = await startNamed('words');
    @Injectable()
    class WithProperty {
      // The types of this decorator know Nest's own transports alone.
      @Client({ customClass: N2NClient, options: { url, logging: false } } as ClientOptions)
      readonly client: ClientProxy | undefined;
    }
    // Nest sets such properties where it sets up the handlers of microservices.
    const service = await startService({ providers: [WithProperty] });
    const { client } = service.app.get(WithProperty);
    if (client === undefined) throw new Error('the property is not set');
    expect(await nameOf(client)).toBe('words');
    await service.app.close();
    await n2nErrorOf(client.send('name', {}), 'CLOSED');
  });
});
