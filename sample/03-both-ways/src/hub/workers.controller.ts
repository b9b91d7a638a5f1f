import { BadRequestException, Controller, Get, Query, ServiceUnavailableException } from '@nestjs/common';
import { Ctx, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { N2NContext } from 'nestjs-n2n';
import { WORKERS_JOIN } from '../contract.js';
import { Failure } from '../../../shared/dist/index.js';
import { MOST } from '../options.js';
import { WORKERS, Workers } from './workers.service.js';

@Controller()
export class WorkersController {
  constructor(private readonly workers: Workers) {}

  /** A worker that dialed in calls the hub; from then on, the hub calls it. */
  @MessagePattern(WORKERS_JOIN)
  async join(@Payload() name: unknown, @Ctx() context: N2NContext): Promise<number> {
    if (typeof name !== 'string') throw new RpcException('workers.join takes a name.');
    await context.join(WORKERS);
    const leave = this.workers.join(name, context.getPeer());
    context.getSocket().once('disconnect', leave);
    return this.workers.size;
  }

  @Get('primes')
  async primes(@Query('below') text: unknown): Promise<{ below: number; primes: number; workers: number }> {
    const below = Number(text);
    if (typeof text !== 'string' || !/^\d+$/.test(text) || below > MOST) {
      throw new BadRequestException(`Ask with a whole number up to ${MOST}, as in /primes?below=1000000`);
    }
    try {
      const { primes, shares } = await this.workers.countPrimes(below);
      return { below, primes, workers: shares.size };
    } catch (error) {
      if (error instanceof Failure) throw new ServiceUnavailableException(error.message);
      throw error;
    }
  }
}
