import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import type { N2NContext } from '../../src/index.js';
import { moduleOf, type Parts } from './service.js';

/** What a handler does is up to the test that needs it. */
export type Handle = (data: never, context: N2NContext) => unknown;

/** A module whose controller handles calls of `call` and events of `event`, and echoes calls of `echo`. */
export function scripted(call: Handle, event: Handle = () => undefined): Parts {
  @Controller()
  class ScriptedController {
    @MessagePattern('call')
    call(@Payload() data: unknown, @Ctx() context: N2NContext): unknown {
      return call(data as never, context);
    }

    // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- tsc wants it for the second parameter
    @EventPattern<string>('event')
    event(@Payload() data: unknown, @Ctx() context: N2NContext): unknown {
      return event(data as never, context);
    }

    @MessagePattern('echo')
    echo(@Payload() value: unknown): unknown {
      return value;
    }
  }
  return { controllers: [ScriptedController] };
}

/** A service without any handler of its own. */
export const NO_HANDLERS: Parts = { imports: [moduleOf({})] };
