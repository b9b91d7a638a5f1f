import { N2NError, messageOf } from '../n2n-error.js';
import { utf8Text } from './text.js';

/** The version of the protocol in `docs/wire-protocol.md`. */
export const PROTOCOL_VERSION = 1;

/** The least that a side may take: what it must be possible to tell it is why something failed. */
export const LEAST_PAYLOAD = 1024;

/** The first frame of each side: who speaks, and what it takes. */
export interface Hello {
  version: number;
  /** The longest value that this side takes, in bytes. */
  maxPayload: number;
  /** The codec of its values. */
  codec: string;
}

/** The version stands first and alone, so that a side of another version can say so: u16, then JSON. */
export function writeHello(hello: Hello): Buffer {
  const { version, ...rest } = hello;
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
  const { maxPayload, codec = 'json' } = (rest ?? {}) as { maxPayload?: unknown; codec?: unknown };
  if (typeof maxPayload !== 'number' || !Number.isSafeInteger(maxPayload) || maxPayload < LEAST_PAYLOAD) {
    throw new N2NError('PROTOCOL_ERROR', `HELLO has no maxPayload of ${LEAST_PAYLOAD} bytes or more.`);
  }
  if (typeof codec !== 'string') throw new N2NError('PROTOCOL_ERROR', 'HELLO names no codec.');
  return { version, maxPayload, codec };
}
