import { expect } from 'vitest';
import type { N2NClient, N2NErrorCode } from '../../../src/index.js';
import { FLAG_LAST, FLAG_SYSTEM, FrameType } from '../../../src/protocol/frames/frame.js';
import { outcomeOf, type Outcome } from '../outcome.js';
import { callFrame, valueFrame } from '../frames.js';
import type { SeenFrame } from '../fake-link.js';
import type { RawSession } from './session.js';

/** The library's error in an ERROR frame. */
export function codeIn({ type, flags, body }: SeenFrame): unknown {
  expect([type, flags & FLAG_SYSTEM]).toEqual([FrameType.ERROR, FLAG_SYSTEM]);
  return (JSON.parse(String(body)) as { code?: unknown }).code;
}

export function jsonOf({ body }: SeenFrame): unknown {
  return JSON.parse(String(body));
}

/** The other side ends the session for this reason, tells it, and closes the connection. */
export async function expectSessionEnds(session: RawSession, code: N2NErrorCode): Promise<void> {
  expect(codeIn(await session.frame({ type: FrameType.ERROR, id: 0 }))).toBe(code);
  await session.ended;
}

/** Calls `echo` of the server under test, which shows that the connection goes on. */
export async function expectServed(session: RawSession, id: number): Promise<void> {
  session.send(callFrame(FrameType.REQUEST, 0, id, { pattern: 'echo', json: `"still ${id}"` }));
  const answer = await session.frame({ id });
  expect([answer.type, answer.flags & FLAG_LAST]).toEqual([FrameType.NEXT, FLAG_LAST]);
  expect(jsonOf(answer)).toBe(`still ${id}`);
}

/** Begins a call of the client under test, and gives its REQUEST. */
export async function begin(
  client: N2NClient,
  session: RawSession,
  data: unknown = null,
): Promise<{ request: SeenFrame; outcome: Promise<Outcome> }> {
  const outcome = outcomeOf(client.send('p', data));
  const request = await session.frame({ type: FrameType.REQUEST });
  return { request, outcome };
}

/** A call of the client under test that is answered, which shows that the connection goes on. */
export async function expectCalls(client: N2NClient, session: RawSession): Promise<void> {
  const { request, outcome } = await begin(client, session);
  session.send(valueFrame(FrameType.NEXT, FLAG_LAST, request.id, 'fine'));
  expect(await outcome).toEqual({ values: ['fine'] });
}
