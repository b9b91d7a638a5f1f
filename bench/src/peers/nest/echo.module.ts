import { Controller, Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ECHO } from '../peer.js';

@Controller()
class EchoController {
  @MessagePattern(ECHO)
  echo(@Payload() payload: unknown): unknown {
    return payload;
  }
}

/** The application that every Nest peer serves: the transport is all that differs. */
@Module({ controllers: [EchoController] })
export class EchoModule {}
