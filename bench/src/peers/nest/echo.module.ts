import {
  Controller,
  Module,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { from, NEVER, range, type Observable } from 'rxjs';
import { Tally, type Tallied } from '../../tally.js';
import {
  COUNTED,
  ECHO,
  GENERATED,
  GENERATED_OBSERVABLE,
  NEVER_ANSWERED,
  OBSERVED,
  PIPED_ECHO,
  TALLY,
} from '../peer.js';

/** The least that an interceptor does: what it costs is that there is one. */
class PassingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

/** Likewise. */
class PassingPipe implements PipeTransform {
  transform(value: unknown): unknown {
    return value;
  }
}

@Controller()
class EchoController {
  readonly #tally = new Tally();

  @MessagePattern(ECHO)
  echo(@Payload() payload: unknown): unknown {
    return payload;
  }

  @MessagePattern(PIPED_ECHO)
  @UseInterceptors(PassingInterceptor)
  pipedEcho(@Payload(PassingPipe) payload: unknown): unknown {
    return payload;
  }

  @EventPattern(COUNTED)
  counted(@Payload() payload: unknown): void {
    this.#tally.add(payload);
  }

  @MessagePattern(TALLY)
  tally(): Tallied {
    return this.#tally.read();
  }

  @MessagePattern(OBSERVED)
  observed(@Payload() count: number): Observable<number> {
    return range(0, count);
  }

  @MessagePattern(GENERATED)
  async *generated(@Payload() count: number): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) yield i;
  }

  @MessagePattern(GENERATED_OBSERVABLE)
  generatedObservable(@Payload() count: number): Observable<number> {
    return from(this.generated(count));
  }

  @MessagePattern(NEVER_ANSWERED)
  neverAnswered(): Observable<never> {
    return NEVER;
  }
}

/** The application that every Nest peer serves: the transport is all that differs. */
@Module({ controllers: [EchoController] })
export class EchoModule {}
