import type { ClientProxy } from '@nestjs/microservices';

/**
 * What the harness knows of a thing to measure. `serve` runs in the server's process and `connect` in the client's, so
 * a peer module must not do anything when it is merely imported.
 */
export interface Peer {
  serve(): Promise<EchoServer>;
  /** May be called several times; each is a connection of its own. */
  connect(address: string): Promise<Connection>;
}

/** A server that answers the pattern `echo` with what it was sent. */
export interface EchoServer {
  /** Handed to `connect` as it is; the harness does not read it. */
  readonly address: string;
  /** Processes that it has started, by their ids: they are ended even if this one comes to a bad end. */
  readonly helpers?: readonly number[];
  /** The collections that are not empty, in what is kept for calls under way; see `entriesIn`. */
  entries?(): string[];
  close(): Promise<void>;
}

export interface Connection {
  /**
   * Makes one call and tells `done` once. A callback and not a promise: a promise a call would be the harness's cost,
   * and would weigh most on the fastest peer.
   */
  call(payload: unknown, done: Done): void;
  /** Of the peers that have events. */
  readonly events?: EventChannel;
  /** Of Nest's peers: for work beyond the echo. */
  readonly client?: ClientProxy;
  /** As of the server. */
  entries?(): string[];
  close(): Promise<void>;
}

export interface EventChannel {
  /** Sends an event, which nobody answers. */
  emit(payload: unknown): void;
  /** Asks for what the server has got of the events so far: a `Tallied`. */
  tally(done: Done): void;
}

/** `error` is undefined if and only if the call was answered. */
export type Done = (error: unknown, answer: unknown) => void;

/** Servers bind to the loopback address only, always to a port that the system chooses. */
export const LOOPBACK = '127.0.0.1';

/** The pattern (Nest) or event (Socket.IO) that every server answers. */
export const ECHO = 'echo';

/** An event without an answer, and the pattern that answers with the tally of them. */
export const COUNTED = 'counted';
export const TALLY = 'tally';

/** Patterns of Nest's peers alone. The echo, under an interceptor and a pipe. */
export const PIPED_ECHO = 'piped-echo';
/** Numbers from 0 on, as many as asked for. */
export const OBSERVED = 'observed';
export const GENERATED = 'generated';
/** The same generator for transports that take Observables alone. */
export const GENERATED_OBSERVABLE = 'generated-observable';
/** No answer, until the caller goes. */
export const NEVER_ANSWERED = 'never-answered';
