import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** What `fixtures/operations.mjs` can do over a connection. */
type Kind =
  | 'unary'
  | 'idempotent'
  /** An acknowledged event. */
  | 'event'
  /** A stream to the caller that nothing holds back. */
  | 'observe'
  /** A stream to the caller, with credit. */
  | 'down'
  /** A stream to the handler. */
  | 'up'
  /** A stream in each direction. */
  | 'both'
  /** The handler does another operation over the caller's own connection. */
  | 'reverse'
  /** The handler ends when its caller is gone. */
  | 'endless';

/** An operation without its id. */
export interface Shape {
  readonly kind: Kind;
  /** Of the bytes that each payload or value has. */
  readonly size: number;
  /** How many values its streams have. */
  readonly count: number;
  /** How long its handler takes, in milliseconds. */
  readonly hold: number;
  readonly inner?: Shape;
}

export interface Operation extends Shape {
  /** By which both sides tell whose bytes they have, and log their runs. */
  readonly id: string;
  readonly inner?: Operation;
}

export interface Outcome {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
}

const hold = fc.nat(4);

const PLAIN = ['unary', 'idempotent', 'event', 'observe', 'down', 'up', 'both'] as const;

const small: Arbitrary<Shape> = fc.record({
  kind: fc.constantFrom(...PLAIN),
  size: fc.nat(1500),
  count: fc.nat(100),
  hold,
});

/** Longer than a fragment, so that a link breaks in the middle of one body. */
const large: Arbitrary<Shape> = fc.record({
  kind: fc.constantFrom('unary', 'event', 'down', 'up'),
  size: fc.integer({ min: 60_000, max: 150_000 }),
  count: fc.nat(2),
  hold,
});

const plain: Arbitrary<Shape> = fc.oneof({ weight: 9, arbitrary: small }, { weight: 1, arbitrary: large });

const reverse: Arbitrary<Shape> = plain.map((inner) => ({
  kind: 'reverse',
  size: 0,
  count: 0,
  hold: 0,
  inner,
}));

/** What a script does at once. */
export const shapes: Arbitrary<Shape[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: reverse }),
  { minLength: 1, maxLength: 20, size: 'max' },
);

/** Many small calls at once. */
export const burst: Arbitrary<Shape[]> = fc
  .tuple(fc.integer({ min: 20, max: 150 }), fc.nat(200), hold)
  .map(([calls, size, hold]) =>
    Array.from({ length: calls }, () => ({ kind: 'unary', size, count: 0, hold })),
  );
