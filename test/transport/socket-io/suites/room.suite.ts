import { describe, expect, it } from 'vitest';
import { connected, next, type Connected } from './events.js';
import type { Place, Served } from '../place.js';

interface Choir {
  readonly served: Served;
  readonly members: readonly Connected[];
  /** Who hears what the task sends, by number. */
  readonly heard: (task: () => unknown) => Promise<number[]>;
}

async function choir(place: Place): Promise<Choir> {
  const served = await place();
  const members = [await connected(served), await connected(served), await connected(served)];
  return {
    served,
    members,
    async heard(task) {
      const who: number[] = [];
      const over = members.map(({ client }, index) => {
        client.on('sing', () => who.push(index));
        return next(client, 'over');
      });
      await task();
      for (const { server } of members) server.emit('over');
      await Promise.all(over);
      for (const { client } of members) client.off('sing');
      return who.toSorted((a, b) => a - b);
    },
  };
}

export function roomSuite(place: Place): void {
  describe('rooms and broadcasts', () => {
    it('io.emit reaches all, socket.broadcast all others', async () => {
      const { served, members, heard } = await choir(place);
      expect(await heard(() => served.io.emit('sing'))).toEqual([0, 1, 2]);
      expect(await heard(() => members[1].server.broadcast.emit('sing'))).toEqual([0, 2]);
    });

    it('io.to reaches the members of rooms, each once, until they leave', async () => {
      const { served, members, heard } = await choir(place);
      await members[0].server.join(['alto', 'bass']);
      await members[1].server.join('alto');
      const sing = (): unknown => served.io.to('alto').to('bass').emit('sing');
      expect(await heard(sing)).toEqual([0, 1]);
      await members[1].server.leave('alto');
      expect(await heard(sing)).toEqual([0]);
      expect(await heard(() => members[0].server.to('alto').emit('sing'))).toEqual([]);
    });

    it('except leaves the members of a room out', async () => {
      const { served, members, heard } = await choir(place);
      await members[2].server.join('hoarse');
      expect(await heard(() => served.io.except('hoarse').emit('sing'))).toEqual([0, 1]);
      expect(await heard(() => members[0].server.broadcast.except('hoarse').emit('sing'))).toEqual([1]);
    });

    it('are managed from the server: socketsJoin, socketsLeave, fetchSockets, disconnectSockets', async () => {
      const { served, members, heard } = await choir(place);
      served.io.in(members[0].server.id).socketsJoin('solo');
      expect((await served.io.in('solo').fetchSockets()).map(({ id }) => id)).toEqual([members[0].server.id]);
      expect(await heard(() => served.io.to('solo').emit('sing'))).toEqual([0]);
      served.io.socketsLeave('solo');
      expect(await heard(() => served.io.to('solo').emit('sing'))).toEqual([]);
      const gone = next(members[0].client, 'disconnect');
      served.io.in(members[0].server.id).disconnectSockets();
      expect((await gone)[0]).toBe('io server disconnect');
    });

    it('collect acknowledgements of all members, or time out with those that came', async () => {
      const { served, members } = await choir(place);
      members.forEach(({ client }, index) =>
        client.on('vote', (answer: (vote: number) => void) => answer(index)),
      );
      expect((await served.io.timeout(5_000).emitWithAck('vote')).toSorted()).toEqual([0, 1, 2]);
      members[1].client.off('vote');
      const late = new Promise<[Error | null, number[]]>((resolve) => {
        served.io
          .timeout(200)
          .emit('vote', (error: Error | null, votes: number[]) => resolve([error, votes]));
      });
      const [error, votes] = await late;
      expect(error).toBeInstanceOf(Error);
      expect(votes.toSorted((a, b) => a - b)).toEqual([0, 2]);
    });

    it('carry binary data to all members', async () => {
      const { served, members } = await choir(place);
      const heard = Promise.all(members.map(({ client }) => next<[{ notes: Buffer }]>(client, 'score')));
      served.io.emit('score', { notes: Buffer.from([1, 2, 3]) });
      for (const [{ notes }] of await heard) expect([...notes]).toEqual([1, 2, 3]);
    });
  });
}
