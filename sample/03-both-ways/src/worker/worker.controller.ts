import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { JOB_DONE, PRIMES_COUNT, type JobDone, type Range } from '../contract.js';
import { plural, Transcript } from '../../../shared/dist/index.js';
import { countPrimes } from './primes.js';

/** Handlers as in any Nest microservice. That this process dialed, and listens on no port, they do not know. */
@Controller()
export class WorkerController {
  private pieces = 0;

  constructor(private readonly transcript: Transcript) {}

  @MessagePattern(PRIMES_COUNT)
  count(@Payload() range: Range): number {
    this.pieces += 1;
    return countPrimes(range);
  }

  @EventPattern(JOB_DONE)
  onJobDone(@Payload() { below, primes }: JobDone): void {
    this.transcript.say(
      `job.done: ${primes} primes below ${below}; ${plural(this.pieces, 'piece')} came here`,
    );
    this.pieces = 0;
  }
}
