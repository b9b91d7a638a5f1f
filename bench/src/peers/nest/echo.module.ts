import { Controller, Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { NEVER, range, type Observable } from 'rxjs';
import { ECHO, GENERATED, NEVER_ANSWERED, OBSERVED } from '../peer.js';

@Controller()
class EchoController {
  @MessagePattern(ECHO)
  echo(@Payload() payload: unknown): unknown {
    return payload;
  }

  @MessagePattern(OBSERVED)
  observed(@Payload() count: number): Observable<number> {
    return range(0, count);
  }

  @MessagePattern(GENERATED)
  async *generated(@Payload() count: number): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) yield i;
  }

  @MessagePattern(NEVER_ANSWERED)
  neverAnswered(): Observable<never> {
    return NEVER;
  }
}

/** The application that every Nest peer serves: the transport is all that differs. */
@Module({ controllers: [EchoController] })
export class EchoModule {}
