/**
 * The limits of this library: of the protocol, of values, of queues, of the server's memory, and of waiting times. The
 * name tells the unit: `_BYTES`, or `_MS` for milliseconds. A limit without a unit is a count.
 *
 * Users set other limits with options: `src/call/call-options.ts`, `src/strategy/n2n-server-options.ts`,
 * `src/client-proxy/n2n-client-options.ts` and `src/transport/node-client/node-client-options.ts`. A constant that only
 * tunes one algorithm is next to that algorithm, with its measurement.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

// Limits of the protocol. Other implementations must respect them, too: docs/wire-protocol.md.

/** The largest id. Ids count up in twos: from 1 on the dialing side, from 2 on the accepting side. */
export const MAX_ID = 0xffff_ffff;

/** The longest pattern, in UTF-8. Its length is written in two bytes. */
export const MAX_PATTERN_BYTES = 0xffff;

/** The longest headers and metadata. They describe a call, and do not replace its payload. */
export const MAX_METADATA_BYTES = 64 * KIB;

/** The most binary attachments of one value. Their number is written in two bytes. */
export const MAX_ATTACHMENTS = 0xffff;

/** The least `maxPayload` of a side. The other side must be able to send the reason of a failure. */
export const MIN_PAYLOAD_BYTES = KIB;

/**
 * A longer body is sent in fragments, so that a large value never delays a small call. A value of 64 KiB with a usual
 * request header still fits one frame.
 */
export const MAX_WHOLE_BODY_BYTES = 65 * KIB;

/**
 * The length of a fragment. Together with the headers of its packet (5 bytes) and its frame (10 bytes), it fills one read
 * of Node exactly. While the reader keeps up, no packet spans two reads. With fragments of exactly 64 KiB, each packet
 * spanned two reads, and an echo of 1 MiB took 1.1 times as long.
 */
export const FRAGMENT_BYTES = 64 * KIB - 5 - 10;

/** The most bodies that are sent in fragments concurrently, in each direction. Each uses memory of the receiver. */
export const MAX_FRAGMENTED_BODIES = 64;

/**
 * The initial flow-control window of a stream, or of a value in fragments. A sender may send while it has items and bytes
 * left. Its last frame may exceed the remaining bytes, so that a value of any length can be sent.
 */
export const INITIAL_CREDIT = { items: 256, bytes: MIB } as const;

/** The most credit that a side may have, in items and in bytes. More credit is a protocol error. */
export const MAX_CREDIT = 2 ** 31 - 1;

/** The allowance for a request header and frames: the pattern, headers, metadata and positions of attachments. */
export const HEADER_ALLOWANCE_BYTES = 256 * KIB;

/** The longest packet from a server that sends no limit. Engine.IO's WebSocket transport has the same limit. */
export const MAX_PACKET_BYTES = 100 * MIB;

// Limits of values.

/** The deepest nesting of a value. Real values are less deep. The stack limit of JSON is much higher. */
export const MAX_VALUE_DEPTH = 1000;

/** The depth of the search in a plain Socket.IO event for data that Socket.IO cannot send. Its encoding refuses cycles. */
export const MAX_SEARCHED_DEPTH = 100;

// Limits of queues.

/** The most bytes of one call that wait for credit, such as a stream with a slow caller. Beyond it, `OVERLOADED`. */
export const MAX_QUEUED_BYTES = 64 * MIB;

/**
 * The most bytes of one session that wait for a connection that is not writable. A server adds the length of its longest
 * answer. Beyond the limit, calls and events of this side fail with `OVERLOADED`.
 */
export const MAX_PENDING_BYTES = 16 * MIB;

/** While the link has more unsent bytes than this, no queued call is started: its answer would only wait. */
export const MAX_UNANSWERED_BYTES = MIB;

/** At most this many calls wait for each call that may be served. Beyond it, `OVERLOADED`. */
export const MAX_WAITING_PER_SERVED = 64;

/** The default of `maxInFlight`: the most calls and events that are handled concurrently. */
export const DEFAULT_MAX_IN_FLIGHT = 1024;

/** The most values of an Observable that wait behind an iterable among them: an Observable cannot be paused. */
export const MAX_VALUES_BEHIND_ITERABLE = 64 * KIB;

/** The most messages that a new connection buffers until its handshake has ended. */
export const MAX_HELD_MESSAGES = 1024;

// Limits of the server's memory.

/** The most sessions of disconnected clients. Beyond it, the session that has waited longest ends. */
export const MAX_SUSPENDED_SESSIONS = 10_000;

/** The most acknowledged events that a server remembers, to recognise repeated ones. It forgets the oldest first. */
export const MAX_REMEMBERED_EVENTS = 100_000;

// Limits of time. Most times are options.

/**
 * How long a closed connection waits until the other side has read the remaining data and closed its half. The default of
 * `ws` is 30 seconds.
 */
export const CLOSE_GRACE_MS = 1000;

/** The longest delay of a Node timer. With a longer delay, a timer would fire immediately. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
