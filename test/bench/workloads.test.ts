import { of, range } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Connection, Done } from '../../bench/src/peers/peer.js';
import { Tally } from '../../bench/src/tally.js';
import { makeWorkload, type Work } from '../../bench/src/workloads/work.js';
import type { Measurement } from '../../bench/src/workloads/workload.js';

const ROUND_MS = 20;

type Call = Connection['call'];

const later = (done: Done, answer: unknown): void => void setImmediate(() => done(undefined, answer));
const copy = <T>(payload: T): T => structuredClone(payload);
const echo: Call = (payload, done) => later(done, copy(payload));

/** @returns what a round of the work measures on a connection that is not there */
async function round(work: Work, parts: Partial<Connection>): Promise<Measurement> {
  const connection: Connection = { call: echo, close: async () => undefined, ...parts };
  const workload = await makeWorkload(work, {
    peer: 'nest-tcp',
    connection,
    connect: async () => connection,
    disconnect: async () => undefined,
  });
  await workload.prepare?.();
  return workload.round(ROUND_MS);
}

describe('Calls', () => {
  // One at a time: a second fault in a round that has failed would end the process, and not the round.
  const work: Work = { kind: 'unary', payload: 'json', bytes: 100, inFlight: 1, latency: false };

  it('are counted when each is answered with what it sent', async () => {
    expect((await round({ ...work, inFlight: 4, clients: 2 }, {})).rate).toBeGreaterThan(0);
  });

  it.each<[string, Call, string]>([
    ['an answer to another call', (_payload, done) => later(done, { seq: 1 }), 'Wrong answer'],
    ['an error', (_payload, done) => setImmediate(() => done(new Error('no'), undefined)), 'A call failed'],
  ])('fail the round with %s', async (_what, call, message) => {
    await expect(round(work, { call })).rejects.toThrow(message);
  });
});

describe('Events', () => {
  const work: Work = { kind: 'events', bytes: 100 };

  /** @param got what the server gets of an event */
  const server = (got: (payload: object) => readonly object[]): Partial<Connection> => {
    const tally = new Tally();
    return {
      events: {
        emit: (payload) => got(copy(payload) as object).forEach((event) => tally.add(event)),
        tally: (done) => later(done, tally.read()),
      },
    };
  };

  it('are counted when the server has got each of them once', async () => {
    expect(
      (
        await round(
          work,
          server((payload) => [payload]),
        )
      ).eventRate,
    ).toBeGreaterThan(0);
  });

  it.each<[string, (payload: object) => readonly object[]]>([
    ['doubled', (payload) => [payload, payload]],
    ['changed', (payload) => [{ ...payload, seq: 1 }]],
    ['cut', (payload) => [{ ...payload, text: 'The' }]],
  ])('fail the round when one is %s', async (_what, got) => {
    await expect(round(work, server(got))).rejects.toThrow('Events sent');
  });
});

describe('Items', () => {
  const work: Work = { kind: 'items', source: 'observable', items: { 'nest-tcp': 100 } };
  const client = (answer: unknown): Partial<Connection> => ({
    client: { send: () => answer } as unknown as NonNullable<Connection['client']>,
  });

  it('are counted when they are all there, in order', async () => {
    expect(await round(work, client(range(0, 100)))).toMatchObject({ items: 100 });
  });

  it.each([
    ['one is missing', range(0, 99), '99 items came, not 100'],
    ['one is another', of(0, 2), 'Item 1 is 2'],
  ])('fail the round when %s', async (_what, answer, message) => {
    await expect(round(work, client(answer))).rejects.toThrow(message);
  });
});

describe('Connections', () => {
  it('are counted when each has answered', async () => {
    expect((await round({ kind: 'set-up', atOnce: 2 }, {})).setUpRate).toBeGreaterThan(0);
  });

  it('fail the round when one answers wrongly', async () => {
    const call: Call = (_payload, done) => later(done, 'something else');
    await expect(round({ kind: 'set-up', atOnce: 2 }, { call })).rejects.toThrow('does not answer');
  });
});
