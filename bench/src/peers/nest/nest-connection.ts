import type { ClientProxy } from '@nestjs/microservices';
import { ECHO, type Connection } from '../peer.js';

/** Calls as a Nest user does: `send`, and a subscription. The same for every Nest peer. */
export async function connectNest<Client extends ClientProxy>(client: Client) {
  await client.connect();
  return {
    client,
    call(payload, done) {
      client.send<unknown>(ECHO, payload).subscribe({
        next: (answer) => done(undefined, answer),
        error: (error: unknown) => done(error ?? new Error('The call failed without a reason.'), undefined),
      });
    },
    async close() {
      await client.close();
    },
  } satisfies Connection;
}
