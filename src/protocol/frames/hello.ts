import { N2NError, messageOf } from '../../n2n-error.js';
import { MIN_PAYLOAD_BYTES } from '../../limits.js';
import { utf8Text } from '../buffers/text.js';

/** The version of the protocol in `docs/wire-protocol.md`. */
export const PROTOCOL_VERSION = 1;

/** The proof with which a client resumes its session. */
export interface Ticket {
  /** Names the session. It is no secret. */
  readonly id: string;
  /** Proves that the session is the client's: 128 random bits, in hexadecimal. */
  readonly token: string;
}

/** The session that the dialing side wants to resume. */
export interface ResumeRequest extends Ticket {
  /** How many bytes of the session this side has received. */
  readonly received: number;
}

/** The first frame of each side on every link: its version, its limits, and the session of the link. */
export interface Hello {
  readonly version: number;
  /** The longest value that this side accepts, in bytes. */
  readonly maxPayload: number;
  /** The name of its codec. */
  readonly codec: string;
  /** How long this side keeps a session whose link has broken, in milliseconds; 0 for not at all. */
  readonly window: number;
  /** From the dialing side: the session that it wants to resume. */
  readonly resume?: ResumeRequest | undefined;
  /** From the accepting side: the ticket with which the client can resume. */
  readonly ticket?: Ticket | undefined;
  /** From the accepting side, when it resumes the session: how many bytes of it that side has received. */
  readonly received?: number | undefined;
}

/** The version comes first, as u16, so that a side of another version can read it. JSON follows. */
export function writeHello(hello: Omit<Hello, 'version'> & { version?: number }): Buffer {
  const { version = PROTOCOL_VERSION, ...rest } = hello;
  const json = Buffer.from(JSON.stringify(rest));
  const body = Buffer.alloc(2 + json.length);
  body.writeUInt16BE(version, 0);
  body.set(json, 2);
  return body;
}

/** @throws N2NError `VERSION_MISMATCH`, `PROTOCOL_ERROR` */
export function readHello(chunk: Buffer, from: number, to: number): Hello {
  if (to - from < 2) throw new N2NError('PROTOCOL_ERROR', 'HELLO is too short to hold a version.');
  const version = chunk.readUInt16BE(from);
  if (version !== PROTOCOL_VERSION) {
    throw new N2NError(
      'VERSION_MISMATCH',
      `The other side speaks version ${version} of the protocol, this one ${PROTOCOL_VERSION}. Update the older of the two.`,
      { details: { theirs: version, ours: PROTOCOL_VERSION } },
    );
  }
  let rest: unknown;
  try {
    rest = JSON.parse(utf8Text(chunk, from + 2, to));
  } catch (error) {
    throw new N2NError('PROTOCOL_ERROR', `HELLO cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const { maxPayload, codec = 'json', window = 0, resume, ticket, received } = recordOf(rest);
  if (!isPosition(maxPayload) || maxPayload < MIN_PAYLOAD_BYTES) {
    throw new N2NError('PROTOCOL_ERROR', `HELLO has no maxPayload of ${MIN_PAYLOAD_BYTES} bytes or more.`);
  }
  if (typeof codec !== 'string') throw new N2NError('PROTOCOL_ERROR', 'HELLO names no codec.');
  if (!isPosition(window)) throw new N2NError('PROTOCOL_ERROR', 'HELLO has a window that is no time.');
  if (received !== undefined && !isPosition(received)) throw badMember('received');
  return {
    version,
    maxPayload,
    codec,
    window,
    resume: resume === undefined ? undefined : resumeOf(resume),
    ticket: ticket === undefined ? undefined : ticketOf('ticket', ticket),
    received,
  };
}

function resumeOf(given: unknown): ResumeRequest {
  const { received } = recordOf(given);
  if (!isPosition(received)) throw badMember('resume');
  return { ...ticketOf('resume', given), received };
}

function ticketOf(member: string, given: unknown): Ticket {
  const { id, token } = recordOf(given);
  if (typeof id !== 'string' || typeof token !== 'string') throw badMember(member);
  return { id, token };
}

function badMember(member: string): N2NError {
  return new N2NError('PROTOCOL_ERROR', `The member "${member}" of HELLO cannot be read.`);
}

function isPosition(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
