import { lastValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { N2NClient } from '../../../src/index.js';
import { freePort, HOST, proveNothingIsLeft } from '../../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../../support/outcome.js';
import { startServiceProcess } from '../../support/processes/service-process.js';
import { startClient } from '../../support/service.js';

function clientOf(port: number, transport: string): N2NClient {
  return startClient(`http://${HOST}:${port}`, {
    transports: [transport],
    reconnectionDelay: 20,
    randomizationFactor: 0,
    maxReconnectionDelay: 100,
    maxReconnectionAttempts: Infinity,
    // What the server no longer has, whether it is there again or not, is not waited for.
    resumeWindow: 500,
  });
}

// A service that dies, in the middle of its work, and comes back.
for (const transport of ['nodeTransport', 'websocket']) {
  describe(`a service whose process is killed, over ${transport}`, () => {
    proveNothingIsLeft();

    test('every call under way ends with CONNECTION_LOST, and none hangs', async () => {
      const service = await startServiceProcess();
      const client = clientOf(service.port, transport);
      const calls = Array.from({ length: 100 }, (_, index) =>
        n2nErrorOf(client.send('never', index), 'CONNECTION_LOST'),
      );
      const stream = outcomeOf(client.send('stream', 1));
      await service.served(100);
      await lastValueFrom(client.send('echo', 1));
      await service.kill();
      for (const error of await Promise.all(calls)) expect(error.retryable).toBe(true);
      expect(await stream).toEqual({
        values: ['begun'],
        error: expect.objectContaining({ code: 'CONNECTION_LOST' }) as unknown,
      });
    });

    test('when it is started again on its port, the next calls work, and the status says so', async () => {
      const service = await startServiceProcess();
      const client = clientOf(service.port, transport);
      const statuses: string[] = [];
      client.status.subscribe((status) => statuses.push(status));
      const first = await lastValueFrom(client.send<number>('pid', {}));
      const gone = new Promise((resolve) => client.on('disconnect', resolve));
      await service.kill();
      await gone;
      // Made while nothing is there: it waits for the new one.
      const waiting = lastValueFrom(client.send<number>('pid', {}));
      const again = await startServiceProcess(service.port);
      expect(await waiting).toBe(again.child.pid);
      expect(first).toBe(service.child.pid);
      expect(await lastValueFrom(client.send('echo', 'back'))).toBe('back');
      expect(statuses).toEqual(['connected', 'reconnecting', 'connected']);
    });
  });

  describe(`a service that is not there yet, over ${transport}`, () => {
    proveNothingIsLeft();

    test('calls and events wait for it, in order, and succeed once it is there', async () => {
      const port = await freePort();
      const client = clientOf(port, transport);
      const reconnecting = new Promise((resolve) => client.on('reconnecting', resolve));
      const answers = Promise.all([1, 2, 3].map((number) => lastValueFrom(client.send('echo', number))));
      const events = ['first', 'second', 'third'].map((data) => outcomeOf(client.emit('never', data)));
      await reconnecting;
      const service = await startServiceProcess(port);
      expect(await answers).toEqual([1, 2, 3]);
      expect(await service.served(3)).toEqual(['first', 'second', 'third']);
      for (const event of events) expect(await event).toEqual({ values: [undefined] });
    });
  });
}
