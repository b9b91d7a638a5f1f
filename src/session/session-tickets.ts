import { isDeepStrictEqual } from 'node:util';
import { timingSafeEqual } from 'node:crypto';
import type { Ticket } from '../protocol/frames/hello.js';

const TOKEN_BYTES = 16;
const ID_BYTES = 8;

/** What a ticket is for: it tells how far it has heard of its client. */
export interface TicketHolder {
  /** How many bytes of the session have come. */
  readonly received: number;
}

interface Entry<Holder> {
  readonly holder: Holder;
  readonly identity: unknown;
  /** The token that the client has for sure. */
  current: Buffer;
  /** The token that replaces it, as soon as the client has been heard of since. */
  next: Buffer | undefined;
  /** How far the client had been heard of when `next` was given. */
  heardAt: number;
}

/**
 * Gives out tickets for sessions, and takes them back.
 *
 * A token is 128 random bits, is compared in constant time, and is good for one return: with it the client gets the next
 * one. Because a link can break before that has reached the client, the old one stays good until the client has been
 * heard of over the new link.
 */
export class SessionTickets<Holder extends TicketHolder> {
  private readonly entries = new Map<string, Entry<Holder>>();

  /** @param randomBytes cryptographically strong */
  constructor(private readonly randomBytes: (size: number) => Buffer) {}

  /** @param identity who the client is; only the same may come back, compared by value */
  issue(holder: Holder, identity: unknown): Ticket {
    const id = this.randomBytes(ID_BYTES).toString('hex');
    const current = this.randomBytes(TOKEN_BYTES);
    this.entries.set(id, { holder, identity, current, next: undefined, heardAt: 0 });
    return { id, token: current.toString('hex') };
  }

  /** @returns whom the ticket is for; undefined where it is not good */
  find({ id, token }: Ticket, identity: unknown): Holder | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined || !isDeepStrictEqual(entry.identity, identity)) return undefined;
    return tokenOf(entry, Buffer.from(token, 'hex')) === undefined ? undefined : entry.holder;
  }

  /** Takes a ticket that `find` has found good. @returns the one that replaces it */
  renew({ id, token }: Ticket): Ticket | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined) return undefined;
    entry.current = tokenOf(entry, Buffer.from(token, 'hex')) ?? entry.current;
    entry.next = this.randomBytes(TOKEN_BYTES);
    entry.heardAt = entry.holder.received;
    return { id, token: entry.next.toString('hex') };
  }

  /** The session is over: nobody comes back for it. */
  drop({ id }: Ticket): void {
    this.entries.delete(id);
  }
}

/** The token of the entry that this is, if it is good. */
function tokenOf<Holder extends TicketHolder>(
  { current, next, heardAt, holder }: Entry<Holder>,
  token: Buffer,
): Buffer | undefined {
  if (token.length !== TOKEN_BYTES) return undefined;
  if (next !== undefined && timingSafeEqual(next, token)) return next;
  const isCurrentGood = next === undefined || holder.received === heardAt;
  return timingSafeEqual(current, token) && isCurrentGood ? current : undefined;
}
