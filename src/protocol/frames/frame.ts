/**
 * Frames are what a chunk is made of: a header of ten bytes, then a body. `docs/wire-protocol.md` draws them and
 * numbers the rules.
 *
 *     0      1      2                   6                   10
 *     | type | flags| id, u32 BE        | length, u32 BE    | body …
 */
export const FRAME_HEADER_BYTES = 10;

/** Types from 0x80 on may be skipped by a receiver that does not know them; any other unknown type ends the session. */
export const FrameType = {
  HELLO: 0x01,
  REQUEST: 0x02,
  EVENT: 0x03,
  NEXT: 0x04,
  COMPLETE: 0x05,
  ERROR: 0x06,
  CANCEL: 0x07,
  CREDIT: 0x08,
  ACK: 0x09,
  GOAWAY: 0x0a,
} as const;

export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const SKIPPABLE = 0x80;

/** The id of the session itself. No call has it. */
export const SESSION_ID = 0;

/** The encoding of the value in a frame's body: the low three bits of the flags. */
export const ValueForm = {
  /** No value: `undefined`. */
  NONE: 0,
  /** JSON text of ASCII characters only. */
  ASCII_JSON: 1,
  UTF8_JSON: 2,
  /** The bytes of a Buffer or Uint8Array. */
  BYTES: 3,
  /** JSON text with its bytes as attachments. See `attachments.ts`. */
  ATTACHED_JSON: 4,
  /** The output of the session's codec. */
  CODED: 5,
} as const;

export type ValueForm = (typeof ValueForm)[keyof typeof ValueForm];

export const VALUE_FORM_MASK = 0x07;

/** NEXT: the call is complete with this value. */
export const FLAG_LAST = 0x08;
/** ERROR: the error is the library's own, `{ code, message, details }`, not a handler's. */
export const FLAG_SYSTEM = 0x08;
/** REQUEST, EVENT: metadata comes between pattern and value. */
export const FLAG_METADATA = 0x10;
/** REQUEST: the remaining time of the caller follows the pattern, in milliseconds. */
export const FLAG_DEADLINE = 0x20;
/** REQUEST: the payload is a stream. It follows in NEXT frames of the caller, and the request has no value. */
export const FLAG_STREAM = 0x40;
/** EVENT: the sender waits for COMPLETE or ERROR. A key in front of the value identifies repetitions. */
export const FLAG_ACKNOWLEDGED = 0x40;
/** GOAWAY: the answer to a GOAWAY. No new call of this side follows. */
export const FLAG_ANSWER = 0x08;
/** The body continues in the next frame of the same type and id. */
export const FLAG_MORE = 0x80;

/** The length of the whole body, in front of its first fragment. */
export const FRAGMENT_PREFIX_BYTES = 4;

/** The key of an acknowledged event, in bytes. */
export const EVENT_KEY_BYTES = 16;

/** The body of an ACK: a position, as two integers of four bytes. */
export const ACK_BODY_BYTES = 8;

/** The body of a GOAWAY: how many milliseconds the other side must wait before it reconnects; 0 for no wait. */
export const GOAWAY_BODY_BYTES = 4;
