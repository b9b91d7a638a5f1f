import { createHash } from 'node:crypto';
import { lastValueFrom } from 'rxjs';
import { expect, test } from 'vitest';
import type { N2NClient } from '../../../src/index.js';
import { LEAST_RELEASED } from '../../../src/transport/engine/release-memory.js';
import { proveNothingIsLeft } from '../../support/harness.js';
import { runSeed, seededRandom } from '../../support/random.js';
import { scripted } from '../../support/scripted.js';
import { startClient, startService, type Service } from '../../support/service.js';

interface SessionParts {
  onChunk(chunk: Buffer, release?: () => void): void;
}

/** What sessions are told of the long chunks that come. Their names are written here and nowhere else in tests. */
function watchChunks(service: Service, client: N2NClient): { client: boolean[]; service: boolean[] } {
  const { sessions } = (
    service.strategy as unknown as {
      host: { sessions: { sessions: Set<{ peer: { session: SessionParts } }> } };
    }
  ).host.sessions;
  const { channel } = client as unknown as {
    channel: { current: { session: { peer: { session: SessionParts } } } };
  };
  const told = { client: [] as boolean[], service: [] as boolean[] };
  const watch = (session: SessionParts, into: boolean[]): void => {
    const onChunk = session.onChunk.bind(session);
    session.onChunk = (chunk, release) => {
      if (chunk.length >= LEAST_RELEASED) into.push(release !== undefined);
      onChunk(chunk, release);
    };
  };
  watch(channel.current.session.peer.session, told.client);
  for (const { peer } of sessions) watch(peer.session, told.service);
  return told;
}

proveNothingIsLeft();

test('between a service and its client, nobody else has what comes: what was copied is released', async () => {
  const service = await startService(scripted((data: unknown) => data));
  const client = startClient(service.url);
  await lastValueFrom(client.send('echo', 1));
  const told = watchChunks(service, client);
  await lastValueFrom(client.send('call', Buffer.alloc(1_000_000)));
  expect(told.client.length).toBeGreaterThan(10);
  expect(told.client.every(Boolean)).toBe(true);
  expect(told.service.length).toBeGreaterThan(10);
  expect(told.service.every(Boolean)).toBe(true);
});

test('Buffers that were received stay as they were, whatever comes after them', async () => {
  const random = seededRandom(runSeed());
  const served: [Buffer, string][] = [];
  const got: [Buffer, string][] = [];
  const digest = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');
  const service = await startService(
    scripted((data: Buffer) => {
      served.push([data, digest(data)]);
      return data;
    }),
  );
  const client = startClient(service.url);
  const sizes = Array.from({ length: 60 }, () => Math.floor(random() ** 3 * 400_000));
  await Promise.all(
    sizes.map(async (size) => {
      const sent = Buffer.alloc(size, `${size} `);
      const answer = await lastValueFrom(client.send<Buffer>('call', sent));
      expect(answer.equals(sent)).toBe(true);
      got.push([answer, digest(sent)]);
    }),
  );
  for (const [bytes, before] of [...served, ...got]) expect(digest(bytes)).toBe(before);
  expect([served.length, got.length]).toEqual([60, 60]);
});
