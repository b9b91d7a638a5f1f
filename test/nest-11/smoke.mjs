// Nest 11 is CommonJS, and has no dispatch hook: the whole package must load and work there too.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Catch, Controller, Module, UseFilters, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, RpcException } from '@nestjs/microservices';
import { firstValueFrom, map, throwError, toArray } from 'rxjs';
import { N2NClient, N2NModule, N2NRecordBuilder, N2NServer } from 'nestjs-n2n';

class Words {
  count(text) {
    return text.length;
  }
  async *each() {
    yield 1;
    yield 2;
  }
  async *run() {
    yield 1;
    throw new RangeError('out of words');
  }
  refuse() {
    throw new RpcException({ code: 7 });
  }
  headers(context) {
    return context.getHeaders();
  }
  done() {
    throw new Error('an event handler fails');
  }
}
class RangeFilter {
  catch(error) {
    return throwError(() => ({ code: 9, why: error.message }));
  }
}
Catch(RangeError)(RangeFilter);
const decorate = (name, ...decorators) => {
  const descriptor = Object.getOwnPropertyDescriptor(Words.prototype, name);
  for (const decorator of decorators) decorator(Words.prototype, name, descriptor);
};
decorate('count', MessagePattern({ cmd: 'count' }));
const tenfold = { intercept: (_context, next) => next.handle().pipe(map((value) => value * 10)) };
decorate('each', MessagePattern('each'), UseInterceptors(tenfold));
decorate('run', MessagePattern('run'), UseFilters(RangeFilter));
decorate('refuse', MessagePattern('refuse'));
decorate('headers', MessagePattern('headers'));
Ctx()(Words.prototype, 'headers', 0);
decorate('done', EventPattern('done'));
Controller()(Words);

// oxlint-disable-next-line typescript/no-extraneous-class -- decorated in the next line, by hand
class AppModule {}
Module({ imports: [N2NModule.register({ reconnect: false, logging: false })], controllers: [Words] })(
  AppModule,
);

const app = await NestFactory.create(AppModule, { logger: false });
app.connectMicroservice({ strategy: new N2NServer({ server: app.getHttpServer() }) });
await app.startAllMicroservices();
await app.listen(0, '127.0.0.1');
const n2n = new N2NClient({ url: `http://127.0.0.1:${app.getHttpServer().address().port}`, logging: false });

assert.equal(await firstValueFrom(n2n.send({ cmd: 'count' }, 'words')), 5);
assert.deepEqual(await firstValueFrom(n2n.send('each', {}).pipe(toArray())), [10, 20]);
await assert.rejects(firstValueFrom(n2n.send('run', {}).pipe(toArray())), { code: 9, why: 'out of words' });
await assert.rejects(firstValueFrom(n2n.send('refuse', {})), (error) => error.code === 7);
await assert.rejects(firstValueFrom(n2n.send('nobody', {})), { code: 'NO_HANDLER' });
n2n.emit('done', {});
const record = new N2NRecordBuilder({}).setHeaders({ tenant: 'a' }).build();
assert.deepEqual(await firstValueFrom(n2n.send('headers', record)), { tenant: 'a' });

const packets = new N2NClient({
  url: `http://127.0.0.1:${app.getHttpServer().address().port}`,
  logging: false,
  serializer: { serialize: (packet) => packet },
});
assert.equal(await firstValueFrom(packets.send({ cmd: 'count' }, 'words')), 5);
await assert.rejects(firstValueFrom(packets.send('refuse', {})), (error) => error.code === 7);
packets.close();

n2n.close();
await app.close();
console.log('Nest 11: passed');
