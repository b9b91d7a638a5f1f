import { describe, expect, it } from 'vitest';
import { connected, endOf, engineSockets, many, next } from './events.js';
import type { Place } from '../place.js';

const quick = { pingInterval: 30, pingTimeout: 60 };

export function heartbeatSuite(place: Place): void {
  describe("Engine.IO's heartbeat", () => {
    it('keeps an idle connection', async () => {
      const served = await place(quick);
      const { client } = await connected(served);
      await many(client.io, 'ping', 4);
      expect(client.connected).toBe(true);
      expect(served.io.engine.clientsCount).toBe(1);
    });

    it('ends the connection of a client that does not answer', async () => {
      const served = await place(quick);
      const pair = await connected(served);
      const over = endOf(pair);
      // The client hears everything and says nothing any more.
      pair.client.io.engine.transport.send = () => {};
      const { client, server } = await over;
      expect(server).toBe('ping timeout');
      // On a busy machine it may have given up by itself.
      expect(client).toMatch(/^(transport (close|error)|ping timeout)$/);
      expect(served.io.engine.clientsCount).toBe(0);
    });

    it('tells a client that the server has gone silent', async () => {
      const served = await place(quick);
      const pair = await connected(served);
      const gone = next(pair.client, 'disconnect');
      // The server, which then hears nothing either, must not be the first to give up.
      served.io.engine.opts.pingTimeout = 60_000;
      for (const { transport } of engineSockets(served.io)) transport.send = () => {};
      expect((await gone)[0]).toBe('ping timeout');
    });

    it('takes a client that pings for one that breaks the rules', async () => {
      const served = await place();
      const pair = await connected(served);
      const over = endOf(pair);
      pair.client.io.engine.transport.send([{ type: 'ping' }]);
      expect(await over).toMatchObject({ server: 'transport error' });
    });
  });

  it('a client that joins no namespace in time is closed', async () => {
    const served = await place({ connectTimeout: 30 });
    served.io.use(() => {
      // Never lets anyone in.
    });
    const client = served.client();
    const closed = next(client.io as never, 'close');
    expect((await closed)[0]).toBe('transport close');
    expect(served.io.engine.clientsCount).toBe(0);
  });
}
