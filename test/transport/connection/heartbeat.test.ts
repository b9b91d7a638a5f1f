import { describe, expect, it } from 'vitest';
import { Heartbeat } from '../../../src/transport/connection/heartbeat.js';
import { FakeClock } from '../../support/fake-clock.js';

function watch(timeout: number) {
  const clock = new FakeClock();
  const deaths: number[] = [];
  const heartbeat = new Heartbeat(timeout, clock, () => deaths.push(clock.now()));
  return { clock, deaths, heartbeat };
}

describe('Heartbeat', () => {
  it('reports death once, a millisecond after the timeout, and leaves no timer', () => {
    const { clock, deaths } = watch(300);
    clock.advance(300);
    expect(deaths).toEqual([]);
    clock.advance(1);
    expect(deaths).toEqual([301]);
    clock.advance(10_000);
    expect(deaths).toEqual([301]);
    expect(clock.armed).toEqual([]);
  });

  it('counts from the last sign of life, with one timer however many there are', () => {
    const { clock, deaths, heartbeat } = watch(300);
    for (let sign = 0; sign < 50; sign += 1) {
      clock.advance(10);
      heartbeat.beat();
      expect(clock.armed).toHaveLength(1);
    }
    clock.advance(300);
    expect(deaths).toEqual([]);
    clock.advance(1);
    expect(deaths).toEqual([801]);
  });

  it('lets a program that was busy read what came meanwhile', () => {
    const { clock, deaths, heartbeat } = watch(300);
    clock.advance(300);
    heartbeat.beat();
    clock.advance(1);
    expect(deaths).toEqual([]);
    clock.advance(300);
    expect(deaths).toEqual([601]);
  });

  it('reports nothing and has no timer once stopped', () => {
    const { clock, deaths, heartbeat } = watch(300);
    heartbeat.stop();
    expect(clock.armed).toEqual([]);
    clock.advance(1000);
    expect(deaths).toEqual([]);
  });
});
