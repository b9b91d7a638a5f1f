import type { Memory } from '../memory/memory-gauge.js';
import type { Work } from '../workloads/work.js';
import type { Measurement } from '../workloads/workload.js';

/** What the parent asks of a server's or a client's process, and what it is told. */
export interface Asks {
  /** To the server's process. */
  serve: { ask: { peer: string }; told: { address: string; helpers: readonly number[] } };
  memory: { ask: Record<string, never>; told: ServerMemory };
  /** To the client's process. */
  connect: { ask: { peer: string; address: string; work: Work }; told: null };
  round: { ask: { durationMs: number }; told: Measurement };
  /** To either: CPU time of the process so far, in microseconds. */
  cpu: { ask: Record<string, never>; told: number };
  stop: { ask: Record<string, never>; told: null };
}

export interface ServerMemory extends Memory {
  /** See `EchoServer.entries`. */
  readonly entries: readonly string[];
}

export type AskKind = keyof Asks;

export interface AskMessage<K extends AskKind = AskKind> {
  readonly id: number;
  readonly kind: K;
  readonly ask: Asks[K]['ask'];
}

export type ToldMessage =
  | { readonly id: number; readonly ok: true; readonly told: unknown }
  | { readonly id: number; readonly ok: false; readonly error: string };
