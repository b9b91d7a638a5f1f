import {
  Inject,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type OnModuleInit,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { N2NError } from '../n2n-error.js';
import { N2NClient } from './n2n-client.js';
import type { N2NClientOptions } from './n2n-client-options.js';

/** The options of every registration. */
interface Registration {
  /**
   * The name of the client for `@InjectN2N(name)`. A client without a name is injected by its class, `N2NClient`.
   */
  name?: string | undefined;
  /**
   * Whether modules that do not import this one can inject the client, too.
   * @default false
   */
  isGlobal?: boolean | undefined;
}

export type N2NModuleOptions = N2NClientOptions & Registration;

/** A provider that creates the options of a client, such as a configuration service. */
export interface N2NOptionsFactory {
  createN2NOptions(): N2NClientOptions | Promise<N2NClientOptions>;
}

export interface N2NModuleAsyncOptions extends Registration {
  /** Modules whose providers are injected into the factory. */
  imports?: DynamicModule['imports'] | undefined;
  /** The arguments of `useFactory`. */
  inject?: FactoryProvider['inject'] | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any -- Nest injects what `inject` names, which no type can follow
  useFactory?: ((...args: any[]) => N2NClientOptions | Promise<N2NClientOptions>) | undefined;
  useClass?: Type<N2NOptionsFactory> | undefined;
  useExisting?: Type<N2NOptionsFactory> | undefined;
}

/** Returns the injection token of a client: its class, or a token with its name. */
export function getN2NToken(name?: string): string | typeof N2NClient {
  return name === undefined ? N2NClient : `N2NClient:${name}`;
}

/** Injects the client that is registered with this name. */
export function InjectN2N(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getN2NToken(name));
}

/**
 * Provides clients of other services. Each client is closed when the application shuts down.
 *
 * @example
 * imports: [
 *   N2NModule.register({ url: 'http://127.0.0.1:6262' }),
 *   N2NModule.register({ name: 'billing', url: 'http://127.0.0.1:6263' }),
 * ]
 */
@Module({})
export class N2NModule implements OnModuleInit {
  /** @internal Created by Nest, once for each registration. */
  constructor(@Inject(ModulesContainer) private readonly modules: ModulesContainer) {}

  /** @internal @throws N2NError `INVALID_OPTIONS` if one module imports two clients without names */
  onModuleInit(): void {
    for (const { imports, name } of this.modules.values()) {
      const unnamed = [...imports].filter(
        ({ metatype, providers }) => metatype === N2NModule && providers.has(N2NClient),
      );
      if (unnamed.length > 1) throw ambiguous(name, unnamed.length);
    }
  }

  /** @throws N2NError `INVALID_OPTIONS` */
  static register({ name, isGlobal, ...options }: N2NModuleOptions = {}): DynamicModule {
    const provider = { provide: getN2NToken(name), useValue: new N2NClient(options, name) };
    return {
      module: N2NModule,
      global: isGlobal ?? false,
      providers: [provider],
      exports: [provider.provide],
    };
  }

  /** With invalid options, the application fails to start with an N2NError `INVALID_OPTIONS`. */
  static registerAsync({ name, isGlobal, imports, ...source }: N2NModuleAsyncOptions): DynamicModule {
    const token = getN2NToken(name);
    return {
      module: N2NModule,
      global: isGlobal ?? false,
      imports: imports ?? [],
      providers: [
        clientProvider(token, name, source),
        ...(source.useClass === undefined ? [] : [source.useClass]),
      ],
      exports: [token],
    };
  }
}

function clientProvider(
  token: string | typeof N2NClient,
  name: string | undefined,
  { inject, useFactory, useClass, useExisting }: Omit<N2NModuleAsyncOptions, 'name' | 'isGlobal' | 'imports'>,
): Provider {
  if (useFactory !== undefined) {
    return {
      provide: token,
      useFactory: async (...args: unknown[]) => new N2NClient(await useFactory(...args), name),
      inject: inject ?? [],
    };
  }
  const factory = useExisting ?? useClass;
  if (factory === undefined) {
    throw new N2NError(
      'INVALID_OPTIONS',
      'N2NModule.registerAsync needs useFactory, useClass or useExisting.',
    );
  }
  return {
    provide: token,
    useFactory: async (made: N2NOptionsFactory) => new N2NClient(await made.createN2NOptions(), name),
    inject: [factory],
  };
}

function ambiguous(module: string, count: number): N2NError {
  return new N2NError(
    'INVALID_OPTIONS',
    `${module} imports ${count} clients without a name, and "N2NClient" could be any of them. ` +
      'Give each a "name", and inject it with @InjectN2N(name).',
    { details: { module } },
  );
}
