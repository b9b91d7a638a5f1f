import { AttemptTrace } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { TimerHandle } from '../../clock.js';
import type { ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import { attemptConnection, type HandshakeStep } from './attempt.js';
import { backoffDelay, comesEarly } from './backoff.js';
import type { Connection } from './connection.js';
import { ConnectionLog } from './connection-log.js';
import { addressLabel } from './server-address.js';

/** The loop is in the new state before it calls a listener. */
interface ReconnectLoopListener<Agreed> {
  /** @param attempt 0 for the attempt of `start`, otherwise the number of the reconnection attempt */
  onConnected?(connection: Connection<Agreed>, attempt: number): void;
  /** An attempt has failed. `onWaiting` or `onGivenUp` follows, unless a listener has changed the state of the loop. */
  onFailed?(error: N2NError): void;
  /** The connection is lost. The next event is as for `onFailed`. @param fault the error of a broken connection */
  onLost?(reason: string, fault: N2NError | undefined): void;
  /** Attempt `attempt` follows in `delay` milliseconds. */
  onWaiting?(delay: number, attempt: number): void;
  /** The last of `maxReconnectionAttempts` has failed. Not called without `reconnect`. */
  onGivenUp?(): void;
  onMessage?(messageArguments: unknown[]): void;
  /** `stop` was called. @param wasConnected whether there was a connection */
  onStopped?(wasConnected: boolean): void;
}

/**
 * `attempt` is 0 for the attempt that `start` makes, and counts reconnection attempts from 1.
 *
 *     idle ───start()───▶ connecting 0 ──succeeds──▶ connected
 *                               │                      │  ▲
 *                             fails                   lost │ succeeds
 *                               ▼                      ▼  │
 *                           waiting 1 ◀─────────── waiting 1
 *                               └──delay passed──▶ connecting 1 ──fails──▶ waiting 2 ──▶ … ──▶ idle
 *
 * `stop()` leads from every state to idle. `restart()` leads from every state except connected to connecting 0. The failure of
 * the last attempt leads to idle, and so does every failure or loss without `reconnect`.
 */
type State<Agreed> =
  | { readonly is: 'idle' }
  | { readonly is: 'connecting'; readonly attempt: number; readonly controller: AbortController }
  | { readonly is: 'connected'; readonly connection: Connection<Agreed> }
  | { readonly is: 'waiting'; readonly attempt: number; readonly timer: TimerHandle };

/** The state that `backOff` has entered. */
type BackedOff<Agreed> =
  | { readonly state: State<Agreed>; readonly delay: number; readonly attempt: number }
  | { readonly state: State<Agreed>; readonly hasGivenUp: boolean };

/** The handshake and the reconnect rules that a client adds to the options. */
interface ReconnectPolicy<Agreed> {
  readonly handshake: HandshakeStep<Agreed>;
  /**
   * The upper limit of the delay before the next attempt, in milliseconds, before jitter. It is read before each attempt. An
   * attempt that is early because of this limit does not count towards `maxReconnectionAttempts`.
   */
  readonly delayLimit?: () => number;
  /** Whether it continues after `maxReconnectionAttempts`. It is read before each attempt. */
  readonly neverGivesUp?: () => boolean;
}

/** Keeps one connection to a server: it makes attempts, waits between them, detects a loss, and gives up. */
export class ReconnectLoop<Agreed = unknown> {
  private state: State<Agreed> = { is: 'idle' };
  private readonly listeners: ReconnectLoopListener<Agreed>[] = [];
  /** The address of the server, as people write it. */
  readonly label: string;
  /** Logs its events. */
  readonly log: ConnectionLog;
  private lastError: N2NError | undefined;

  constructor(
    readonly options: ResolvedNodeClientOptions,
    private readonly policy: ReconnectPolicy<Agreed>,
  ) {
    this.label = addressLabel(options.address);
    this.log = new ConnectionLog(this.label, options);
  }

  /** The connection, while there is one. */
  get connection(): Connection<Agreed> | undefined {
    return this.state.is === 'connected' ? this.state.connection : undefined;
  }

  /** Whether there is neither a connection nor an attempt. */
  get isIdle(): boolean {
    return this.state.is === 'idle';
  }

  /** Whether an attempt is under way, the first or a later one. */
  get isConnecting(): boolean {
    return this.state.is === 'connecting';
  }

  /** Whether a reconnection attempt is scheduled or under way. */
  get isReconnecting(): boolean {
    return this.state.is === 'waiting' || (this.state.is === 'connecting' && this.state.attempt > 0);
  }

  /** Listeners are called in the order in which they were added. */
  addListener(listener: ReconnectLoopListener<Agreed>): void {
    this.listeners.push(listener);
  }

  /**
   * Starts to connect. Does nothing if the loop is not idle.
   * @param isReturn whether the loop continues after a pause
   */
  start(isReturn = false): void {
    if (this.state.is === 'idle') {
      this.log.onStart(isReturn);
      this.attempt(0);
    } else {
      this.options.logger.debug(`connect() has nothing to do: ${this.label} is ${this.state.is}`);
    }
  }

  /**
   * Starts a new attempt immediately, and resets the number of attempts. It replaces an attempt that is under way or
   * scheduled. Does nothing if there is a connection.
   * @param reason the error of an attempt under way
   */
  restart(reason?: N2NError): void {
    if (this.state.is === 'connected') {
      this.options.logger.debug(`manualConnect() has nothing to do: ${this.label} is connected`);
    } else {
      this.attempt(0, reason);
    }
  }

  /**
   * Closes the connection, or stops all attempts.
   * @param reason the error of an attempt under way
   * @param finalWrite writes the last messages. The loop is idle by then, so that it does not report a loss.
   */
  stop(reason?: N2NError, finalWrite?: () => void): void {
    const { state: left } = this;
    const idle: State<Agreed> = { is: 'idle' };
    this.state = idle;
    if (left.is === 'connected') {
      left.connection.close(finalWrite);
    } else {
      this.leave(left, idle, reason);
      finalWrite?.();
    }
    this.tell((listener) => listener.onStopped?.(left.is === 'connected'));
  }

  private attempt(attempt: number, reason?: N2NError): void {
    const controller = new AbortController();
    const connecting: State<Agreed> = { is: 'connecting', attempt, controller };
    this.log.onAttempt(attempt);
    this.enter(connecting, reason);
    const trace = AttemptTrace.start(this.label, attempt, this.options.clock);
    attemptConnection(this.options, this.policy.handshake, controller.signal).then(
      (connection) => {
        trace?.end(connection.transportName, connection.missed);
        if (this.state === connecting) this.onConnected(connection, attempt);
        else connection.close();
      },
      (error: unknown) => {
        trace?.fail(error);
        if (this.state !== connecting) return;
        this.onFailed(N2NError.from(error, 'CONNECT_FAILED', 'The attempt failed'), attempt);
      },
    );
  }

  private onConnected(connection: Connection<Agreed>, attempt: number): void {
    this.enter({ is: 'connected', connection });
    this.log.onConnected(connection, attempt);
    this.tell((listener) => listener.onConnected?.(connection, attempt));
    connection.listen({
      onLost: (reason, fault) => this.onLost(reason, fault),
      onMessage: (messageArguments) => this.tell((listener) => listener.onMessage?.(messageArguments)),
    });
  }

  private onFailed(error: N2NError, attempt: number): void {
    this.lastError = error;
    const next = this.backOff(attempt + 1);
    this.tell((listener) => listener.onFailed?.(error));
    this.announce(next);
  }

  private onLost(reason: string, fault: N2NError | undefined): void {
    const next = this.backOff(1);
    this.log.onLost(reason, fault, 'delay' in next ? next.delay : undefined);
    this.tell((listener) => listener.onLost?.(reason, fault));
    this.announce(next);
  }

  /** Schedules the next attempt, or gives up. Listeners are called afterwards, and see the new state. */
  private backOff(attempt: number): BackedOff<Agreed> {
    const { reconnect, maxReconnectionAttempts, clock, random } = this.options;
    const isLast = attempt > maxReconnectionAttempts && this.policy.neverGivesUp?.() !== true;
    if (!reconnect || isLast) {
      const idle: State<Agreed> = { is: 'idle' };
      this.enter(idle);
      return { state: idle, hasGivenUp: reconnect };
    }
    const limit = this.policy.delayLimit?.() ?? Infinity;
    const delay = backoffDelay(attempt, this.options, random, limit);
    const counted = comesEarly(attempt, this.options, limit) ? attempt - 1 : attempt;
    const timer = clock.setTimeout(() => this.attempt(counted), delay);
    const waiting: State<Agreed> = { is: 'waiting', attempt: counted, timer };
    this.enter(waiting);
    return { state: waiting, delay, attempt: counted };
  }

  private announce(next: BackedOff<Agreed>): void {
    // A listener of an earlier event may have changed the state.
    if (this.state !== next.state) return;
    if ('delay' in next) {
      this.log.onWaiting(next.delay, next.attempt);
      this.tell((listener) => listener.onWaiting?.(next.delay, next.attempt));
    } else if (next.hasGivenUp) {
      this.log.onGivenUp(this.options.maxReconnectionAttempts, this.lastError);
      this.tell((listener) => listener.onGivenUp?.());
    }
  }

  private tell(tell: (listener: ReconnectLoopListener<Agreed>) => void): void {
    for (const listener of this.listeners) tell(listener);
  }

  private enter(state: State<Agreed>, reason?: N2NError): void {
    const left = this.state;
    this.state = state;
    this.leave(left, state, reason);
  }

  private leave(left: State<Agreed>, next: State<Agreed>, reason: N2NError | undefined): void {
    switch (left.is) {
      case 'waiting':
        this.options.clock.clearTimeout(left.timer);
        break;
      case 'connecting':
        if (next.is === 'idle' || next.is === 'connecting') left.controller.abort(reason ?? givenUp());
        break;
      case 'connected':
        left.connection.close();
        break;
      case 'idle':
        break;
      default:
        left satisfies never;
    }
  }
}

function givenUp(): N2NError {
  return new N2NError('CLOSED', 'The attempt to connect was cancelled.');
}
