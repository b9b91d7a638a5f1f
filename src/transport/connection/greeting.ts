import type { Socket } from 'socket.io-client';
import type { N2NError } from '../../n2n-error.js';

/** Exactly one of the two is told, also when the connection breaks. */
export interface GreetingEvents {
  onGreeted(): void;
  onFailed(error: N2NError): void;
}

/**
 * What the two sides say on a new connection before it counts as one: until then it is a part of the attempt, which
 * fails where they do not agree. Whoever greets closes the connection then.
 */
export type Greet = (socket: Socket, events: GreetingEvents) => void;

/** Socket.IO's own handshake is enough. */
export const greetNobody: Greet = (_socket, events) => events.onGreeted();
