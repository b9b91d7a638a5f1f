import { AttemptTrace } from '../../diagnostics.js';
import { N2NError } from '../../n2n-error.js';
import type { TimerHandle } from '../../clock.js';
import type { ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import { attemptConnection, type HandshakeStep } from './attempt.js';
import { backoffDelay, comesEarly } from './backoff.js';
import type { Connection } from './connection.js';
import { addressLabel } from './server-address.js';

/** Told of the state that the loop has entered already. */
interface ReconnectLoopListener<Agreed> {
  /** @param attempt 0 for the attempt of `start`, or the number of the reconnection attempt */
  onConnected?(connection: Connection<Agreed>, attempt: number): void;
  /** An attempt has failed. `onWaiting` or `onGivenUp` follows, unless somebody has taken the loop elsewhere. */
  onFailed?(error: N2NError): void;
  /** The connection is lost. See `onFailed` for what follows. @param fault there when it was broken, and not closed */
  onLost?(reason: string, fault: N2NError | undefined): void;
  /** Attempt `attempt` follows in `delay` milliseconds. */
  onWaiting?(delay: number, attempt: number): void;
  /** The last of `maxReconnectionAttempts` has failed. Without `reconnect`, it is not told. */
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
 * `stop()` leads from everywhere to idle, `restart()` from everywhere but connected to connecting 0, and the failure of
 * the last attempt, or of any without `reconnect`, to idle.
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

/** How a loop differs from one that connects to any Socket.IO server. */
interface ReconnectPolicy<Agreed> {
  readonly handshake: HandshakeStep<Agreed>;
  /**
   * The longest delay before the next attempt, in milliseconds, before jitter; asked before each one. An attempt that
   * comes early for it is not counted: those after it come as often, and for as long, as they would have.
   */
  readonly delayLimit?: () => number;
  /** Whether it goes on after `maxReconnectionAttempts`; asked before each attempt. */
  readonly neverGivesUp?: () => boolean;
}

/** Keeps one connection to a server: makes attempts, waits between them, notices a loss, and gives up. */
export class ReconnectLoop<Agreed = unknown> {
  private state: State<Agreed> = { is: 'idle' };
  private readonly listeners: ReconnectLoopListener<Agreed>[] = [];
  /** The address of the server, as people write it. */
  readonly label: string;
  private hasWarnedOfFallback = false;
  private hasWarnedOfTimeout = false;

  constructor(
    readonly options: ResolvedNodeClientOptions,
    private readonly policy: ReconnectPolicy<Agreed>,
  ) {
    this.label = addressLabel(options.address);
  }

  /** The connection, while there is one. */
  get connection(): Connection<Agreed> | undefined {
    return this.state.is === 'connected' ? this.state.connection : undefined;
  }

  /** Whether nothing is connected or tried. */
  get isIdle(): boolean {
    return this.state.is === 'idle';
  }

  /** Whether an attempt is under way, the first or a later one. */
  get isConnecting(): boolean {
    return this.state.is === 'connecting';
  }

  /** Whether a reconnection attempt is waited for, or under way. */
  get isReconnecting(): boolean {
    return this.state.is === 'waiting' || (this.state.is === 'connecting' && this.state.attempt > 0);
  }

  /** Listeners are told in the order in which they were added. */
  addListener(listener: ReconnectLoopListener<Agreed>): void {
    this.listeners.push(listener);
  }

  /** Begins to connect. Does nothing when the loop is not idle. */
  start(): void {
    if (this.state.is === 'idle') this.attempt(0);
    else this.options.logger.debug(`connect() has nothing to do: ${this.label} is ${this.state.is}`);
  }

  /**
   * Begins to connect at once with nothing counted yet, in place of any attempt that is under way or waited for. Does
   * nothing when there is a connection.
   * @param reason for an attempt under way
   */
  restart(reason?: N2NError): void {
    if (this.state.is === 'connected') {
      this.options.logger.debug(`manualConnect() has nothing to do: ${this.label} is connected`);
    } else {
      this.attempt(0, reason);
    }
  }

  /**
   * Ends the connection, or every attempt at one.
   * @param reason for an attempt under way
   * @param farewell writes the last words, once the loop has let go of the connection and does not take its end for a loss
   */
  stop(reason?: N2NError, farewell?: () => void): void {
    const { state: left } = this;
    const idle: State<Agreed> = { is: 'idle' };
    this.state = idle;
    if (left.is === 'connected') {
      left.connection.close(farewell);
    } else {
      this.leave(left, idle, reason);
      farewell?.();
    }
    this.tell((listener) => listener.onStopped?.(left.is === 'connected'));
  }

  private attempt(attempt: number, reason?: N2NError): void {
    const controller = new AbortController();
    const connecting: State<Agreed> = { is: 'connecting', attempt, controller };
    this.options.logger.debug(`connecting to ${this.label}${attempt > 0 ? `, attempt ${attempt}` : ''}`);
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
    this.logConnected(connection);
    this.tell((listener) => listener.onConnected?.(connection, attempt));
    connection.listen({
      onLost: (reason, fault) => this.onLost(reason, fault),
      onMessage: (messageArguments) => this.tell((listener) => listener.onMessage?.(messageArguments)),
    });
  }

  private onFailed(error: N2NError, attempt: number): void {
    const next = this.backOff(attempt + 1);
    this.tell((listener) => listener.onFailed?.(error));
    this.announce(next);
  }

  private onLost(reason: string, fault: N2NError | undefined): void {
    const next = this.backOff(1);
    this.options.logger.log(`disconnected from ${this.label}: ${reason}`);
    this.tell((listener) => listener.onLost?.(reason, fault));
    this.announce(next);
  }

  /** Arms the next attempt, or gives up. Listeners are told afterwards, and find the state that they are told of. */
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
    // A listener of an earlier event may have taken the loop elsewhere.
    if (this.state !== next.state) return;
    if ('delay' in next) {
      this.options.logger.log(`reconnecting to ${this.label} in ${next.delay} ms, attempt ${next.attempt}`);
      this.tell((listener) => listener.onWaiting?.(next.delay, next.attempt));
    } else if (next.hasGivenUp) {
      this.options.logger.error(
        `gave up on ${this.label} after ${this.options.maxReconnectionAttempts} attempts`,
      );
      this.tell((listener) => listener.onGivenUp?.());
    }
  }

  private logConnected({ transportName, missed, silenceLimit, pingInterval }: Connection<Agreed>): void {
    const { logger, timeout } = this.options;
    logger.log(`connected to ${this.label} over ${transportName}`);
    if (missed.length > 0 && !this.hasWarnedOfFallback) {
      this.hasWarnedOfFallback = true;
      logger.warn(`fell back to ${transportName}: ${missed.join('; ')}`);
    }
    if (silenceLimit > timeout && !this.hasWarnedOfTimeout) {
      this.hasWarnedOfTimeout = true;
      logger.warn(
        `"timeout" is ${timeout} ms but the server pings only every ${pingInterval} ms: a server that hangs is ` +
          `noticed after ${silenceLimit} ms. Set the server's "pingInterval" below "timeout".`,
      );
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
  return new N2NError('CLOSED', 'The attempt to connect was given up.');
}
