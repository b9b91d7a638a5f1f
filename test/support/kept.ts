import { expect } from 'vitest';
import type { N2NClient } from '../../src/index.js';
import { Fifo } from '../../src/protocol/buffers/fifo.js';
import { IdTable } from '../../src/protocol/buffers/id-table.js';
import { turn } from './harness.js';
import type { Service } from './service.js';

/** The private parts of a peer that hold something for calls. Their names are written here and nowhere else in tests. */
interface PeerParts {
  readonly outgoing: { readonly calls: unknown; readonly deadlines: { readonly lists: unknown } };
  readonly incoming: {
    readonly calls: unknown;
    readonly payloads: { readonly readers: unknown };
    readonly queue: { readonly serving: unknown; readonly waiting: unknown };
  };
  readonly flows: {
    readonly sendWindows: unknown;
    readonly receiveWindows: unknown;
    readonly ready: unknown;
    readonly reassembly: { readonly partial: unknown };
  };
}

interface Sides {
  readonly service: Service;
  readonly client: N2NClient;
}

/**
 * Proves that nothing is kept for calls on either side: it reads the private maps of both peers of a connection, which
 * no user can see, and fails where one is not there under its name any more, lest it prove nothing.
 *
 * @returns waits, for as many turns of the loop as frames under way may take, until every map is empty
 */
export function watchWhatIsKept({ service, client }: Sides): () => Promise<void> {
  // Taken at the start: a session that is lost must let go, too.
  const { sessions } = (
    service.strategy as unknown as { host: { sessions: { sessions: Set<{ peer: PeerParts }> } } }
  ).host.sessions;
  const { channel } = client as unknown as {
    channel: {
      servers: { current: { sessions: { peer?: PeerParts } } };
      queue: { calls: unknown };
    };
  };
  const dialed = channel.servers.current.sessions.peer;
  if (sessions.size !== 1 || dialed === undefined) throw new Error('there is not one open session');
  const peers: [string, PeerParts][] = [
    ['client', dialed],
    ...[...sessions].map(({ peer }): [string, PeerParts] => ['service', peer]),
  ];
  const kept = (): Record<string, number> => {
    const counts: Record<string, number> = { 'client queue': count(channel.queue.calls) };
    for (const [side, peer] of peers) Object.assign(counts, countsOf(side, peer));
    return Object.fromEntries(Object.entries(counts).filter(([, held]) => held !== 0));
  };
  return async () => {
    for (let turns = 0; turns < 2000 && Object.keys(kept()).length > 0; turns += 1) await turn();
    expect(kept()).toEqual({});
  };
}

function countsOf(side: string, peer: PeerParts): Record<string, number> {
  const { outgoing, incoming, flows } = peer;
  const { lists } = outgoing.deadlines;
  if (!(lists instanceof Map)) throw new TypeError('no lists of deadlines');
  // A list without entries stays until its timer fires; that is one timer, and not a thing for each call.
  const heads = [...(lists as Map<number, { head: unknown }>).values()].filter(
    ({ head }) => head !== undefined,
  );
  return {
    [`${side} outgoing calls`]: count(outgoing.calls),
    [`${side} deadlines`]: heads.length,
    [`${side} incoming calls`]: count(incoming.calls),
    [`${side} payloads`]: count(incoming.payloads.readers),
    [`${side} calls being served`]: count(incoming.queue.serving),
    [`${side} calls waiting to be served`]: count(incoming.queue.waiting),
    [`${side} send windows`]: count(flows.sendWindows),
    [`${side} receive windows`]: count(flows.receiveWindows),
    [`${side} send windows that wait`]: count(flows.ready),
    [`${side} bodies in fragments`]: count(flows.reassembly.partial),
  };
}

function count(held: unknown): number {
  if (held instanceof IdTable || held instanceof Fifo || held instanceof Map || held instanceof Set)
    return held.size;
  if (Array.isArray(held)) return held.length;
  if (typeof held === 'number') return held;
  throw new TypeError('what this test looks into has another shape now');
}
