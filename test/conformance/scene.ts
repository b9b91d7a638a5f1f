import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Observable } from 'rxjs';
import type { N2NContext, N2NServerOptions } from '../../src/index.js';
import { deferred, portOf, type Deferred } from '../support/harness.js';
import { greetedClient, type TransportName } from '../support/raw/client.js';
import type { RawSession } from '../support/raw/session.js';
import { startService, type Service } from '../support/service.js';

export const TRANSPORTS = ['nodeTransport', 'websocket'] as const satisfies TransportName[];

/** A pattern as long as there can be. */
export const LONGEST_PATTERN = 'ü'.repeat(32_767) + 'x';

/** What happened in the handlers of a scene. */
interface Marks {
  readonly notes: unknown[];
  readonly noted: Deferred<unknown>;
  readonly started: Deferred<void>;
  readonly stopped: Deferred<void>;
  readonly release: Deferred<unknown>;
}

function marks(): Marks {
  return {
    notes: [],
    noted: deferred(),
    started: deferred(),
    stopped: deferred(),
    release: deferred(),
  };
}

function handlersOf({ notes, noted, started, stopped, release }: Marks): Type {
  const note = (value: unknown): void => {
    notes.push(value);
    noted.resolve(value);
  };

  @Controller()
  class Handlers {
    @MessagePattern('echo')
    echo(@Payload() value: unknown): unknown {
      return value;
    }

    @MessagePattern('__proto__')
    proto(): string {
      return 'proto';
    }

    @MessagePattern('error')
    error(): string {
      return 'error';
    }

    @MessagePattern(LONGEST_PATTERN)
    longest(): string {
      return 'longest';
    }

    @MessagePattern('bytes')
    bytes(@Payload() length: number): Buffer {
      return Buffer.alloc(length, 'b');
    }

    @MessagePattern('count')
    async *count(@Payload() count: number): AsyncGenerator<number> {
      for (let value = 0; value < count; value++) yield value;
    }

    @MessagePattern('blocks')
    async *blocks(@Payload() [count, length]: [number, number]): AsyncGenerator<Buffer> {
      for (let value = 0; value < count; value++) yield Buffer.alloc(length, value);
    }

    @MessagePattern('fails')
    async *fails(): AsyncGenerator<number> {
      yield 1;
      throw new RpcException('no more');
    }

    @MessagePattern('endless')
    endless(): Observable<number> {
      return new Observable((subscriber) => {
        started.resolve();
        subscriber.next(1);
        return () => stopped.resolve();
      });
    }

    @MessagePattern('held')
    held(): Promise<unknown> {
      started.resolve();
      return release.promise;
    }

    @MessagePattern('remaining')
    remaining(@Ctx() context: N2NContext): unknown {
      return context.getDeadline() !== undefined;
    }

    @MessagePattern('collect')
    async collect(@Payload() values: AsyncIterable<unknown>): Promise<unknown[]> {
      const all: unknown[] = [];
      for await (const value of values) all.push(value);
      return all;
    }

    @MessagePattern('first')
    async first(@Payload() values: AsyncIterable<unknown>): Promise<unknown> {
      for await (const value of values) {
        note(value);
        break;
      }
      return release.promise;
    }

    @EventPattern('note')
    onNote(@Payload() value: unknown): void {
      note(value);
    }

    @EventPattern('refuse')
    onRefuse(@Payload() value: unknown): void {
      note(value);
      throw new RpcException('refused');
    }
  }
  return Handlers;
}

export interface Scene {
  readonly service: Service;
  readonly port: number;
  readonly marks: Marks;
}

/** A server under test. */
export async function startScene(options: N2NServerOptions = {}): Promise<Scene> {
  const made = marks();
  // What asks by hand answers no GOAWAY.
  const service = await startService({ controllers: [handlersOf(made)] }, { drainTimeout: 0, ...options });
  return { service, port: portOf(service.io.httpServer), marks: made };
}

/** A server under test, a raw client that is past HELLO, and another one that does nothing wrong. */
export async function startGreeted(
  transport: TransportName,
  options?: N2NServerOptions,
  hello?: object,
): Promise<Scene & { session: RawSession; bystander: RawSession }> {
  const scene = await startScene(options);
  const bystander = await greetedClient(scene.port, transport);
  const session = await greetedClient(scene.port, transport, hello);
  return { ...scene, session, bystander };
}
