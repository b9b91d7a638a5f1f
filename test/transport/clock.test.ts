import { describe, expect, it } from 'vitest';
import { afterReads, readingFirst } from '../../src/clock.js';
import { turn } from '../support/harness.js';
import { FakeClock } from '../support/fake-clock.js';

/** A fake clock that fires its timers late, as that of a busy program. */
class BusyClock extends FakeClock {
  private lateness = 0;

  override now(): number {
    return super.now() + this.lateness;
  }

  /** The timer that is due meanwhile fires only at the end of it. */
  beBusy(milliseconds: number): void {
    const [due = 0] = this.armed;
    this.lateness += milliseconds - due;
    this.advance(due);
  }
}

async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

function timer(whenLate?: 'wait-again') {
  const base = new BusyClock();
  const clock = readingFirst(base);
  const fired: number[] = [];
  const handle = clock.setTimeout(() => fired.push(clock.now()), 100, whenLate);
  return { base, clock, fired, handle };
}

describe('a clock that lets the sockets be read first', () => {
  it('fires a turn of the loop after the time', async () => {
    const { base, fired } = timer();
    base.advance(99);
    await turns(10);
    expect(fired).toEqual([]);
    base.advance(1);
    expect(fired).toEqual([]);
    await turn();
    expect(fired).toEqual([100]);
  });

  it('fires several turns after it where the program was busy', async () => {
    const { base, fired } = timer();
    base.beBusy(500);
    await turns(4);
    expect(fired).toEqual([]);
    await turns(10);
    expect(fired).toEqual([500]);
  });

  it.each([
    ['as long as it was late', 150, 50],
    ['at most its own time', 900, 100],
  ])('waits again where that is asked for, %s', async (_name, busyFor, again) => {
    const { base, fired } = timer('wait-again');
    base.beBusy(busyFor);
    await turns(10);
    expect(fired).toEqual([]);
    expect(base.armed).toEqual([again]);
    base.advance(again);
    await turns(10);
    expect(fired).toEqual([busyFor + again]);
  });

  it.each(['before its time', 'while it lets the sockets be read', 'while it waits again'])(
    'fires nothing once it is cleared, %s',
    async (when) => {
      const { base, clock, fired, handle } = timer(
        when === 'while it waits again' ? 'wait-again' : undefined,
      );
      if (when !== 'before its time') base.beBusy(500);
      clock.clearTimeout(handle);
      base.advance(1000);
      await turns(10);
      expect(fired).toEqual([]);
      expect(base.armed).toEqual([]);
    },
  );

  it('calls back after reads, unless that is cancelled', async () => {
    const called: string[] = [];
    afterReads(() => called.push('kept'));
    afterReads(() => called.push('cancelled'))();
    await turns(10);
    expect(called).toEqual(['kept']);
  });
});
