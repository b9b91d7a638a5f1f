import { isDeepStrictEqual } from 'node:util';
import { timingSafeEqual } from 'node:crypto';
import type { Ticket } from '../protocol/frames/hello.js';

const TOKEN_BYTES = 16;
const ID_BYTES = 8;

/** The session of a ticket. It says how much of it has come. */
export interface TicketHolder {
  /** The number of bytes of the session that have come. */
  readonly received: number;
}

interface Entry<Holder> {
  readonly holder: Holder;
  readonly identity: unknown;
  /** The token that the client certainly has. */
  current: Buffer;
  /** The token that replaces it, once more bytes of the client have come. */
  next: Buffer | undefined;
  /** How many bytes of the client had come when `next` was issued. */
  heardAt: number;
}

/**
 * Issues tickets for sessions, and checks them.
 *
 * A token is 128 random bits, and is compared in constant time. It is valid for one resume, which gives the client the
 * next token. The link can break before the next token reaches the client. So the old one stays valid until bytes of
 * the client have come over the new link.
 */
export class SessionTickets<Holder extends TicketHolder> {
  private readonly entries = new Map<string, Entry<Holder>>();

  /** @param randomBytes cryptographically strong */
  constructor(private readonly randomBytes: (size: number) => Buffer) {}

  /** @param identity who the client is; only the same identity may resume, compared by value */
  issue(holder: Holder, identity: unknown): Ticket {
    const id = this.randomBytes(ID_BYTES).toString('hex');
    const current = this.randomBytes(TOKEN_BYTES);
    this.entries.set(id, { holder, identity, current, next: undefined, heardAt: 0 });
    return { id, token: current.toString('hex') };
  }

  /** @returns the session of the ticket; undefined when it is not valid */
  find({ id, token }: Ticket, identity: unknown): Holder | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined || !isDeepStrictEqual(entry.identity, identity)) return undefined;
    return tokenOf(entry, Buffer.from(token, 'hex')) === undefined ? undefined : entry.holder;
  }

  /** Uses a ticket that `find` accepted. @returns its replacement */
  renew({ id, token }: Ticket): Ticket | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined) return undefined;
    entry.current = tokenOf(entry, Buffer.from(token, 'hex')) ?? entry.current;
    entry.next = this.randomBytes(TOKEN_BYTES);
    entry.heardAt = entry.holder.received;
    return { id, token: entry.next.toString('hex') };
  }

  /** The session is over and cannot be resumed. */
  drop({ id }: Ticket): void {
    this.entries.delete(id);
  }
}

/** The token of the entry that equals this one, if it is valid. */
function tokenOf<Holder extends TicketHolder>(
  { current, next, heardAt, holder }: Entry<Holder>,
  token: Buffer,
): Buffer | undefined {
  if (token.length !== TOKEN_BYTES) return undefined;
  if (next !== undefined && timingSafeEqual(next, token)) return next;
  const isCurrentGood = next === undefined || holder.received === heardAt;
  return timingSafeEqual(current, token) && isCurrentGood ? current : undefined;
}
