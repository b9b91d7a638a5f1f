import type { ClientProxy } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { COUNTED, ECHO, TALLY, type Connection, type Done } from '../peer.js';

/**
 * Calls as a Nest user does: `send`, and a subscription. The same for every Nest peer.
 * @param pattern of the handler that echoes
 */
export async function connectNest<Client extends ClientProxy>(client: Client, pattern = ECHO) {
  await client.connect();
  return {
    client,
    call: (payload, done) => tell(client.send<unknown>(pattern, payload), done),
    events: {
      emit: (payload) => void client.emit(COUNTED, payload),
      tally: (done) => tell(client.send<unknown>(TALLY, ''), done),
    },
    async close() {
      await client.close();
    },
  } satisfies Connection;
}

export function tell(answer: Observable<unknown>, done: Done): void {
  answer.subscribe({
    next: (value) => done(undefined, value),
    error: (error: unknown) => done(error ?? new Error('The call failed without a reason.'), undefined),
  });
}
