/** `up` is from the client to the server, `down` the other way. */
export type Direction = 'up' | 'down';

/**
 * How a link is cut. Whatever has come to the proxy and not passed it by then is lost.
 * - `fin`: both sides see an orderly end
 * - `rst`: both sides see a reset; Node takes one that comes together with data for an end
 * - `silence`: neither side sees anything; what they send goes nowhere
 * - `half-open`: the client sees a reset, and the server goes on as in `silence`
 * - `client-unaware`: the server sees a reset, and the client goes on as in `silence`
 */
export type CutKind = (typeof CUT_KINDS)[number];

export const CUT_KINDS = ['fin', 'rst', 'silence', 'half-open', 'client-unaware'] as const;

/** A cut at an exact byte: as many pass, and not one more. */
export interface CutAfter {
  /** Whose bytes are counted; those of both together with `either`. */
  readonly direction: Direction | 'either';
  readonly bytes: number;
  readonly how: CutKind;
}

/** What happens to one link. What is left out does not happen; bytes are never changed, and never change places. */
export interface LinkPlan {
  readonly cutAfter?: CutAfter | undefined;
  /** How long bytes take to pass, in each direction, in milliseconds. */
  readonly delay?: number | undefined;
  /** How many bytes a second pass in each direction. */
  readonly bandwidth?: number | undefined;
  /** The most bytes that pass in one piece, a piece a turn of the event loop. */
  readonly slice?: number | undefined;
}
