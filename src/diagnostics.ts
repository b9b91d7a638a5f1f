import { channel } from 'node:diagnostics_channel';
import type { Clock } from './clock.js';
import { N2NError, type N2NErrorCode } from './n2n-error.js';

/** The channels of `node:diagnostics_channel` that this library publishes to. See docs/diagnostics.md. */
export interface N2NDiagnostics {
  'n2n:attempt:start': AttemptStartMessage;
  'n2n:attempt:end': AttemptEndMessage;
  'n2n:attempt:error': AttemptErrorMessage;
  'n2n:connection:open': ConnectionOpenMessage;
  'n2n:connection:close': ConnectionCloseMessage;
  'n2n:session:start': SessionMessage;
  'n2n:session:suspend': SessionMessage;
  'n2n:session:resume': SessionResumeMessage;
  'n2n:session:end': SessionEndMessage;
  'n2n:call:start': CallStartMessage;
  'n2n:call:end': CallEndMessage;
  'n2n:call:shed': CallShedMessage;
  'n2n:error': ErrorMessage;
}

export type N2NChannel = keyof N2NDiagnostics;

/** The error of a failure. */
interface Failure {
  /** Undefined if the error is not an `N2NError`. */
  readonly code: N2NErrorCode | undefined;
  readonly error: unknown;
}

/** A client starts an attempt to connect. */
export interface AttemptStartMessage {
  /** The address of the server, such as `http://127.0.0.1:6262` or `unix:/run/words.sock`. */
  readonly address: string;
  /** 0 for the first attempt, then the number of the reconnection attempt. */
  readonly attempt: number;
}

/** The attempt has succeeded. It is the object of the start, with more properties. */
export interface AttemptEndMessage extends AttemptStartMessage {
  /** How long the attempt took, in milliseconds. */
  readonly duration: number;
  /** The name of the transport that connected. */
  readonly transport: string;
  /** The transports that failed before it, with their reasons. */
  readonly missed: readonly string[];
}

/** The attempt has failed or was stopped. It is the object of the start, with more properties. */
export interface AttemptErrorMessage extends AttemptStartMessage, Failure {
  /** How long the attempt took, in milliseconds. */
  readonly duration: number;
}

/** A Socket.IO connection is open. */
export interface ConnectionOpenMessage {
  /** The id of its Socket.IO socket. It is the same on both sides. */
  readonly id: string;
  /** The side of this process: it has opened the connection (`dialer`) or accepted it (`acceptor`). */
  readonly role: 'dialer' | 'acceptor';
  /** Dialer: the address of the server. Acceptor: `ip:port` of the client; empty for a Unix domain socket. */
  readonly address: string;
  /** The name of its transport. */
  readonly transport: string;
}

/** A connection is closed or lost. */
export interface ConnectionCloseMessage extends ConnectionOpenMessage {
  /** The reason of Socket.IO, such as `transport close`. */
  readonly reason: string;
  /** The details that Socket.IO passes with the reason. */
  readonly cause: unknown;
}

/**
 * A session. All messages of a process about one session share this object. For a stock Socket.IO client, it describes
 * the connection.
 */
export interface SessionInfo {
  /** The id of its first connection. It is the same on both sides, and after each resume. */
  readonly id: string;
  readonly role: ConnectionOpenMessage['role'];
  /** The id of its current connection, or of the last one. */
  readonly connection: string;
  /** The address of that connection. */
  readonly address: string;
  /** How long it can be resumed after its connection is lost, in milliseconds; 0 if it cannot. */
  readonly window: number;
}

/** The mutable form, which the owner of a session updates. */
export type LiveSessionInfo = { -readonly [Name in keyof SessionInfo]: SessionInfo[Name] };

/** A session starts, or its connection is lost and it waits for the next one. */
export interface SessionMessage {
  readonly session: SessionInfo;
}

/** A session is resumed over another connection. */
export interface SessionResumeMessage extends SessionMessage {
  /** How much this side sends again, in bytes. */
  readonly replayed: number;
}

/** A session has ended. Its calls fail with the error. */
export interface SessionEndMessage extends SessionMessage, Failure {}

/**
 * - `call`: the caller waits for values
 * - `event`: the sender gets no answer
 * - `acknowledged-event`: the sender waits for the end, or for an error
 */
export type CallKind = 'call' | 'event' | 'acknowledged-event';

/** A call or an event. */
interface CallMessage {
  /** `client`: this process makes the call; `server`: it serves the call. Either side of a connection can be either. */
  readonly side: 'client' | 'server';
  readonly kind: CallKind;
  /** The pattern as the caller has sent it. On the server, it can be any text of up to 64 KiB. */
  readonly pattern: string;
}

/** Client: a call was written. Server: its handler is about to run. */
export interface CallStartMessage extends CallMessage {
  readonly session: SessionInfo;
  /** The id of the call in the session, the same on both sides; undefined for a call to a stock client. */
  readonly id: number | undefined;
  /** How long the call has waited for a connection (client) or for its turn (server), in milliseconds. */
  readonly waited: number;
}

/** Client: the call has ended. Server: its handler has ended. It is the object of the start, with more properties. */
export interface CallEndMessage extends CallStartMessage, Failure {
  /** The time since the start, in milliseconds. */
  readonly duration: number;
  /** `cancelled` if the caller has cancelled the call. */
  readonly outcome: 'ok' | 'error' | 'cancelled';
}

/** An error that no caller gets: a side has violated the protocol, or an event is lost. */
export interface ErrorMessage extends Failure {
  /** Undefined if there was no session. */
  readonly session: SessionInfo | undefined;
}

/** A call or an event has failed before its start: it was not written, or no handler was run for it. */
export interface CallShedMessage extends CallMessage, ErrorMessage {}

interface Publisher<Message> {
  /** Checked before a message is built: without subscribers, a channel costs nothing else. */
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

const names: N2NChannel[] = [];

function publisherTo<Name extends N2NChannel>(name: Name): Publisher<N2NDiagnostics[Name]> {
  names.push(name);
  return channel(name);
}

const attemptStart = publisherTo('n2n:attempt:start');
const attemptEnd = publisherTo('n2n:attempt:end');
const attemptError = publisherTo('n2n:attempt:error');
export const connectionOpen = publisherTo('n2n:connection:open');
export const connectionClose = publisherTo('n2n:connection:close');
const sessionStart = publisherTo('n2n:session:start');
const sessionSuspend = publisherTo('n2n:session:suspend');
const sessionResume = publisherTo('n2n:session:resume');
const sessionEnd = publisherTo('n2n:session:end');
const callStart = publisherTo('n2n:call:start');
const callEnd = publisherTo('n2n:call:end');
const callShed = publisherTo('n2n:call:shed');
const errors = publisherTo('n2n:error');

/** The names of all channels of this library. */
export const N2N_CHANNELS: readonly N2NChannel[] = names;

/** An attempt to connect, from its start to its end. */
export class AttemptTrace {
  private readonly startedAt: number;

  private constructor(
    private readonly message: AttemptStartMessage,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
    if (attemptStart.hasSubscribers) attemptStart.publish(message);
  }

  /** @returns undefined without subscribers */
  static start(address: string, attempt: number, clock: Clock): AttemptTrace | undefined {
    const isTraced = attemptStart.hasSubscribers || attemptEnd.hasSubscribers || attemptError.hasSubscribers;
    return isTraced ? new AttemptTrace({ address, attempt }, clock) : undefined;
  }

  end(transport: string, missed: readonly string[]): void {
    const { message } = this;
    const duration = this.clock.now() - this.startedAt;
    if (attemptEnd.hasSubscribers)
      attemptEnd.publish(Object.assign(message, { duration, transport, missed }));
  }

  fail(error: unknown): void {
    const { message } = this;
    const duration = this.clock.now() - this.startedAt;
    if (attemptError.hasSubscribers)
      attemptError.publish(Object.assign(message, { duration, ...failure(error) }));
  }
}

/** A session, from its first connection to its end. */
export class SessionTrace {
  private hasBegun = false;

  constructor(private readonly session: SessionInfo) {}

  /** The session begins or is resumed. @param replayed how much this side sends again, in bytes */
  onAttached(replayed: number): void {
    const { session, hasBegun } = this;
    this.hasBegun = true;
    if (!hasBegun && sessionStart.hasSubscribers) sessionStart.publish({ session });
    if (hasBegun && sessionResume.hasSubscribers) sessionResume.publish({ session, replayed });
  }

  onSuspended(): void {
    if (sessionSuspend.hasSubscribers) sessionSuspend.publish({ session: this.session });
  }

  onClosed(error: N2NError): void {
    const { session } = this;
    if (error.code === 'PROTOCOL_ERROR') publishError(session, error);
    if (this.hasBegun && sessionEnd.hasSubscribers) sessionEnd.publish({ session, ...failure(error) });
  }
}

/** Whether the starts or ends of calls have subscribers. Only then is a `CallTrace` created. */
export function isCallTraced(): boolean {
  return callStart.hasSubscribers || callEnd.hasSubscribers;
}

/** A call or an event, from its start to its end. An end before the start has no effect. */
export class CallTrace {
  private message: CallStartMessage | undefined = undefined;
  private startedAt = 0;

  /** @param since when the call began to wait, by the clock; undefined if it did not wait */
  constructor(
    private readonly call: Omit<CallStartMessage, 'waited'>,
    private readonly clock: Clock,
    private readonly since?: number,
  ) {}

  start(): this {
    const now = this.clock.now();
    this.startedAt = now;
    this.message = { ...this.call, waited: now - (this.since ?? now) };
    if (callStart.hasSubscribers) callStart.publish(this.message);
    return this;
  }

  end(): void {
    this.finish('ok', undefined);
  }

  fail(error: unknown): void {
    this.finish(failure(error).code === 'CANCELLED' ? 'cancelled' : 'error', error);
  }

  /** Only the first call has an effect. */
  private finish(outcome: CallEndMessage['outcome'], error: unknown): void {
    const { message, startedAt, clock } = this;
    this.message = undefined;
    if (message === undefined || !callEnd.hasSubscribers) return;
    const duration = clock.now() - startedAt;
    callEnd.publish(Object.assign(message, { duration, outcome, ...failure(error) }));
  }
}

/** Publishes that a call or an event has failed before its start. */
export function publishShed(
  side: CallMessage['side'],
  kind: CallKind,
  pattern: string,
  session: SessionInfo | undefined,
  error: unknown,
): void {
  if (callShed.hasSubscribers) callShed.publish({ side, kind, pattern, session, ...failure(error) });
}

/** Publishes an error that no caller gets. */
export function publishError(session: SessionInfo | undefined, error: unknown): void {
  if (errors.hasSubscribers) errors.publish({ session, ...failure(error) });
}

function failure(error: unknown): Failure {
  return { code: error instanceof N2NError ? error.code : undefined, error };
}
