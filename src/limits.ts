/**
 * The limits of this library: what the protocol allows, what may wait, what is remembered, and how long a side waits.
 * A name says the unit: `_BYTES`, or `_MS` for milliseconds. A limit without either is a count.
 *
 * Limits that a user sets are in the tables of options: `src/call/call-options.ts`, `src/strategy/n2n-server-options.ts`,
 * `src/client-proxy/n2n-client-options.ts` and `src/transport/node-client/node-client-options.ts`. A constant that only
 * tunes one algorithm stands beside it, with its measurement.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

// What the protocol allows. Another implementation must keep these, too: docs/wire-protocol.md.

/** The largest id. Ids count up in twos: from 1 on the dialing side, from 2 on the accepting side. */
export const MAX_ID = 0xffff_ffff;

/** The longest pattern, in UTF-8: its length is written in two bytes. */
export const MAX_PATTERN_BYTES = 0xffff;

/** The longest headers and metadata: they accompany a value, and are not a second payload. */
export const MAX_METADATA_BYTES = 64 * KIB;

/** The most pieces of bytes in one value: their number is written in two bytes. */
export const MAX_ATTACHMENTS = 0xffff;

/** The least `maxPayload` of a side: the other side must be able to say why a call failed. */
export const MIN_PAYLOAD_BYTES = KIB;

/**
 * A longer body is sent in fragments, so that a large value never delays a small call. A value of 64 KiB still fits one
 * frame, together with a usual request header.
 */
export const MAX_WHOLE_BODY_BYTES = 65 * KIB;

/**
 * The length of a fragment. With the headers of its packet (5 bytes) and its frame (10 bytes) it fills one read of Node
 * exactly: while the reader keeps up, no packet spans two reads. With a length of exactly 64 KiB each packet did, and an
 * echo of 1 MiB took 1.1 times as long.
 */
export const FRAGMENT_BYTES = 64 * KIB - 5 - 10;

/** The most bodies that may be sent in fragments at once, in each direction: each has memory at the other side. */
export const MAX_FRAGMENTED_BODIES = 64;

/**
 * How much of a stream, or of a value in fragments, may be sent before the other side grants more. A sender may send
 * while it has both items and bytes left. Its last frame may be longer than the bytes that are left, so that no value
 * is too long.
 */
export const INITIAL_CREDIT = { items: 256, bytes: MIB } as const;

/** The most credit that a side may have, in items and in bytes. More is a fault, or an attack. */
export const MAX_CREDIT = 2 ** 31 - 1;

/** What a request header and frames may add to a value: a pattern, headers and metadata, the places of attachments. */
export const HEADER_ALLOWANCE_BYTES = 256 * KIB;

/** What a client takes in one packet from a server that tells no limit: as much as Engine.IO's WebSocket transport. */
export const MAX_PACKET_BYTES = 100 * MIB;

// What a value may be.

/** How deep a value may be nested. Nobody nests deeper on purpose, and the stack of JSON ends much later. */
export const MAX_VALUE_DEPTH = 1000;

/** How deep a plain Socket.IO event is searched for data that Socket.IO cannot send; its encoding refuses cycles. */
export const MAX_SEARCHED_DEPTH = 100;

// What may wait.

/** What may wait for credit in one call: the values of a stream whose caller does not take them. Then `OVERLOADED`. */
export const MAX_QUEUED_BYTES = 64 * MIB;

/**
 * What may wait in one session for a connection that is full; on a server, beyond the longest answer. Then calls and
 * events of this side fail with `OVERLOADED`.
 */
export const MAX_PENDING_BYTES = 16 * MIB;

/** No waiting call is started while more than this is written and not taken by the link: its answer would only wait. */
export const MAX_UNANSWERED_BYTES = MIB;

/** The most calls that wait for each call that may be served at once. Then `OVERLOADED`. */
export const MAX_WAITING_PER_SERVED = 64;

/** How many calls and events are handled at once, unless an option says otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 1024;

/** The most values of an Observable behind an iterable among them: an Observable cannot be held back. */
export const MAX_VALUES_BEHIND_ITERABLE = 64 * KIB;

/** The most messages that a new connection keeps until its handshake has ended. */
export const MAX_HELD_MESSAGES = 1024;

// What a server remembers.

/** The most sessions whose clients are away. Beyond it, the session that has waited longest ends. */
export const MAX_SUSPENDED_SESSIONS = 10_000;

/** The most acknowledged events that are recognised when they are sent again. The oldest are forgotten first. */
export const MAX_REMEMBERED_EVENTS = 100_000;

// How long a side waits. Most times are options.

/**
 * How long the other side has, once a connection is closed, to read what was written and to close its half. `ws` alone
 * would wait for half a minute.
 */
export const CLOSE_GRACE_MS = 1000;

/** The longest delay that a timer of Node holds. A longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
