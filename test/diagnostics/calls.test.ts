import { firstValueFrom, lastValueFrom, Observable, toArray } from 'rxjs';
import { RpcException } from '@nestjs/microservices';
import { describe, expect, test, vi } from 'vitest';
import { N2NRecordBuilder, type CallEndMessage } from '../../src/index.js';
import { DiagnosticsRecording } from '../support/diagnostics.js';
import { stopTheClock } from '../support/fake-time.js';
import { deferred, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf, outcomeOf } from '../support/outcome.js';
import { scripted } from '../support/scripted.js';
import { WAYS } from '../support/ways.js';

const SIDES = ['client', 'server'] as const;

/** The ends of the one call of a test, once both are there. */
async function endsOf(
  recording: DiagnosticsRecording,
): Promise<{ client: CallEndMessage; server: CallEndMessage }> {
  const [client, server] = await Promise.all(
    SIDES.map((side) => recording.first('n2n:call:end', (message) => message.side === side)),
  );
  expect(recording.of('n2n:call:start').map(({ side }) => side)).toEqual(SIDES);
  expect(recording.of('n2n:call:end')).toHaveLength(2);
  expect(recording.of('n2n:call:shed')).toEqual([]);
  return { client, server };
}

// The messages of calls, in either direction.
for (const way of WAYS) {
  describe(`the messages of a call, ${way.name}`, () => {
    proveNothingIsLeft();

    test('tell its start and its end on both sides, of the same session and id', async () => {
      const ends = await way.start(scripted((value: number) => value + 1));
      const recording = new DiagnosticsRecording();
      expect(await lastValueFrom(ends.caller.send('call', 1))).toBe(2);
      const { client, server } = await endsOf(recording);
      for (const [side, end] of [
        ['client', client],
        ['server', server],
      ] as const) {
        expect(end).toEqual({
          session: expect.objectContaining({ window: 10_000 }) as unknown,
          side,
          id: client.id,
          kind: 'call',
          pattern: 'call',
          waited: 0,
          duration: expect.any(Number) as unknown,
          outcome: 'ok',
          code: undefined,
          error: undefined,
        });
      }
      expect(server.session.id).toBe(client.session.id);
      expect([client.session.role, server.session.role].toSorted()).toEqual(['acceptor', 'dialer']);
      expect(client.duration).toBeGreaterThanOrEqual(server.duration);
      expect(recording.channels.every((channel) => channel.startsWith('n2n:call:'))).toBe(true);
    });

    test('are the object of its start again at its end', async () => {
      const ends = await way.start(scripted((value: number) => value + 1));
      const recording = new DiagnosticsRecording();
      await lastValueFrom(ends.caller.send('call', 1));
      await endsOf(recording);
      const [client, server] = recording.objectsOf('n2n:call:start');
      const over = recording.objectsOf('n2n:call:end');
      expect(over.includes(client)).toBe(true);
      expect(over.includes(server)).toBe(true);
      expect(recording.of('n2n:call:start')[0]).not.toHaveProperty('duration');
    });

    test('tell of a stream once, at its beginning and at its end', async () => {
      const ends = await way.start(
        scripted(async function* numbers(count: number) {
          for (let value = 0; value < count; value++) yield value;
        }),
      );
      const recording = new DiagnosticsRecording();
      expect(await lastValueFrom(ends.caller.send('call', 500).pipe(toArray()))).toHaveLength(500);
      const { client, server } = await endsOf(recording);
      expect([client.outcome, server.outcome]).toEqual(['ok', 'ok']);
    });

    test('tell the error of its handler', async () => {
      const ends = await way.start(
        scripted(() => {
          throw new RpcException('refused');
        }),
      );
      const recording = new DiagnosticsRecording();
      await outcomeOf(ends.caller.send('call', 1));
      const { client, server } = await endsOf(recording);
      const error = { status: 'error', message: 'refused' };
      expect(client).toMatchObject({ outcome: 'error', code: undefined, error });
      expect(server).toMatchObject({ outcome: 'error', code: undefined, error });
    });

    test('tell the code of an error of the library', async () => {
      const ends = await way.start(scripted(() => 1));
      const recording = new DiagnosticsRecording();
      const error = await n2nErrorOf(ends.caller.send('nowhere', 1), 'NO_HANDLER');
      const { client, server } = await endsOf(recording);
      expect(client).toMatchObject({ outcome: 'error', code: 'NO_HANDLER', pattern: 'nowhere' });
      expect(client.error).toBe(error);
      expect(server).toMatchObject({ outcome: 'error', code: 'NO_HANDLER', pattern: 'nowhere' });
    });

    test('tell of an answer that cannot be sent', async () => {
      const ends = await way.start(scripted(() => 1n));
      const recording = new DiagnosticsRecording();
      await n2nErrorOf(ends.caller.send('call', 1), 'NOT_SERIALIZABLE');
      const { client, server } = await endsOf(recording);
      expect([client.code, server.code]).toEqual(['NOT_SERIALIZABLE', 'NOT_SERIALIZABLE']);
    });

    test('tell that it was cancelled: at once, and when its handler has stopped', async () => {
      const begun = deferred<void>();
      const release = deferred<number>();
      const stopped = deferred<void>();
      const ends = await way.start(
        scripted((_data, context) => {
          context.getSignal().addEventListener('abort', () => stopped.resolve());
          begun.resolve();
          return release.promise;
        }),
      );
      const recording = new DiagnosticsRecording();
      const subscription = ends.caller.send('call', 1).subscribe();
      await begun.promise;
      subscription.unsubscribe();
      expect(recording.of('n2n:call:end')).toMatchObject([{ side: 'client', outcome: 'cancelled' }]);
      await stopped.promise;
      expect(recording.of('n2n:call:end')).toHaveLength(1);
      release.resolve(1);
      const { client, server } = await endsOf(recording);
      expect([client.code, server.code]).toEqual(['CANCELLED', 'CANCELLED']);
      expect(server.outcome).toBe('cancelled');
    });

    test('tell that its time has passed, and how long that took', async () => {
      const begun = deferred<void>();
      const ends = await way.start(
        scripted(() => {
          begun.resolve();
          return new Observable<never>(() => {});
        }),
      );
      stopTheClock();
      const recording = new DiagnosticsRecording();
      const late = n2nErrorOf(
        ends.caller.send('call', new N2NRecordBuilder(1).setTimeout(200).build()),
        'TIMEOUT',
      );
      await begun.promise;
      vi.advanceTimersByTime(200);
      const error = await late;
      const { client, server } = await endsOf(recording);
      expect(client).toMatchObject({ outcome: 'error', code: 'TIMEOUT', duration: 200, error });
      expect(server).toMatchObject({ outcome: 'cancelled', code: 'CANCELLED', duration: 200 });
    });

    test('tell that its connection is lost', async () => {
      const begun = deferred<void>();
      const ends = await way.start(
        scripted(() => {
          begun.resolve();
          return new Observable<never>(() => {});
        }),
        { both: { resumeWindow: 0 } },
      );
      const recording = new DiagnosticsRecording();
      const lost = n2nErrorOf(ends.caller.send('call', 1), 'CONNECTION_LOST');
      await begun.promise;
      for (const socket of ends.service.io.sockets.sockets.values()) socket.request.socket.destroy();
      await lost;
      const { client, server } = await endsOf(recording);
      expect(client).toMatchObject({ outcome: 'error', code: 'CONNECTION_LOST' });
      expect(server).toMatchObject({ outcome: 'error', code: 'CONNECTION_LOST' });
    });

    test('tell of an event: written and handled', async () => {
      const ends = await way.start(scripted(() => 1));
      const recording = new DiagnosticsRecording();
      await firstValueFrom(ends.caller.emit('event', 1));
      const { client, server } = await endsOf(recording);
      expect([client.kind, server.kind]).toEqual(['event', 'event']);
      expect([client.outcome, server.outcome]).toEqual(['ok', 'ok']);
      expect(server.id).toBe(client.id);
    });

    test('tell of an acknowledged event, which ends with its acknowledgement', async () => {
      const release = deferred<void>();
      const ends = await way.start(
        scripted(
          () => 1,
          () => release.promise,
        ),
      );
      const recording = new DiagnosticsRecording();
      const handled = firstValueFrom(
        ends.caller.emit('event', new N2NRecordBuilder(1).acknowledged().build()),
      );
      await recording.first('n2n:call:start', ({ side }) => side === 'server');
      expect(recording.of('n2n:call:end')).toEqual([]);
      release.resolve();
      await handled;
      const { client, server } = await endsOf(recording);
      expect([client.kind, server.kind]).toEqual(['acknowledged-event', 'acknowledged-event']);
    });

    test('tell how long it waited for its turn', async () => {
      const begun = deferred<void>();
      const release = deferred<number>();
      const ends = await way.start(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        { host: { maxInFlight: 1 } },
      );
      stopTheClock();
      const recording = new DiagnosticsRecording();
      const answers = Promise.all([
        lastValueFrom(ends.caller.send('call', 1)),
        lastValueFrom(ends.caller.send('echo', 2)),
      ]);
      await begun.promise;
      vi.advanceTimersByTime(100);
      release.resolve(1);
      await answers;
      const served = recording.of('n2n:call:end').filter(({ side }) => side === 'server');
      expect(served.map(({ waited, duration }) => [waited, duration])).toEqual([
        [0, 100],
        [100, 0],
      ]);
    });
  });

  describe(`calls that are refused, ${way.name}`, () => {
    proveNothingIsLeft();

    test('are shed where there is no room for them, and do not start there', async () => {
      const begun = deferred<void>();
      const release = deferred<number>();
      const ends = await way.start(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        { host: { maxInFlight: 1 } },
      );
      const recording = new DiagnosticsRecording();
      const answers = Array.from({ length: 67 }, () => outcomeOf(ends.caller.send('call', 1)));
      ends.caller.emit('event', 1);
      await recording.first('n2n:call:shed', ({ kind }) => kind === 'event');
      const shed = recording.of('n2n:call:shed');
      expect(shed.map(({ side, kind, pattern, code }) => [side, kind, pattern, code])).toEqual([
        ['server', 'call', 'call', 'OVERLOADED'],
        ['server', 'call', 'call', 'OVERLOADED'],
        ['server', 'event', 'event', 'OVERLOADED'],
      ]);
      const [start] = recording.of('n2n:call:start').filter(({ side }) => side === 'server');
      expect(shed[0].session).toBe(start.session);
      // Nobody is told of the event.
      expect(recording.of('n2n:error')).toMatchObject([{ session: start.session, code: 'OVERLOADED' }]);
      release.resolve(1);
      await Promise.all(answers);
      const count = (channel: 'n2n:call:start' | 'n2n:call:end', of: string): number =>
        recording.of(channel).filter(({ side }) => side === of).length;
      expect([count('n2n:call:start', 'server'), count('n2n:call:end', 'server')]).toEqual([65, 65]);
      expect([count('n2n:call:start', 'client'), count('n2n:call:end', 'client')]).toEqual([68, 68]);
    });

    test('are shed where their time has passed before their turn came', async () => {
      const begun = deferred<void>();
      const release = deferred<number>();
      const ends = await way.start(
        scripted(() => {
          begun.resolve();
          return release.promise;
        }),
        { host: { maxInFlight: 1 } },
      );
      stopTheClock();
      const recording = new DiagnosticsRecording();
      const first = lastValueFrom(ends.caller.send('call', 1));
      const late = n2nErrorOf(
        ends.caller.send('echo', new N2NRecordBuilder(1).setTimeout(100).build()),
        'TIMEOUT',
      );
      await begun.promise;
      // Its turn comes before its caller's CANCEL.
      vi.advanceTimersByTime(100);
      release.resolve(1);
      await Promise.all([first, late]);
      const shed = recording.of('n2n:call:shed');
      expect(shed).toMatchObject([{ side: 'server', kind: 'call', pattern: 'echo', code: 'TIMEOUT' }]);
      const served = recording.of('n2n:call:start').filter(({ side }) => side === 'server');
      expect(served).toMatchObject([{ pattern: 'call' }]);
    });
  });
}
