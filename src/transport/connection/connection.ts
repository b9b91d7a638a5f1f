import type { Socket } from 'socket.io-client';
import { messageOf, N2NError } from '../../n2n-error.js';
import type { TimerHandle } from '../../clock.js';
import { Dial, type AnnouncedHeartbeat } from './dial.js';
import { transportErrorMessage, transportFailure, type DialFailure } from './dial-failure.js';
import { addressLabel } from './server-address.js';
import type { Greet } from './greeting.js';
import { Heartbeat } from './heartbeat.js';
import type { AuthData, ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import { isRecord } from '../option-checks.js';

export interface ConnectionOutcome {
  /** The transports that failed before the one that connected, with their reasons. */
  readonly missed: readonly string[];
  /** How long the connection may be without a sign of life, in milliseconds. */
  readonly silenceLimit: number;
  /** The server's, in milliseconds. */
  readonly pingInterval: number;
}

/** Exactly one of `onConnected` and `onFailed` is told; after `onConnected`, `onLost` at most once. */
export interface ConnectionEvents {
  onConnected(outcome: ConnectionOutcome): void;
  onFailed(error: N2NError): void;
  /** @param fault there when the connection did not merely close, but was broken */
  onLost(reason: string, fault: N2NError | undefined): void;
  onMessage(messageArguments: unknown[]): void;
}

type Phase =
  | { readonly is: 'unopened' }
  | { readonly is: 'authenticating'; readonly timer: TimerHandle }
  | { readonly is: 'dialing'; readonly timer: TimerHandle; readonly dial: Dial }
  | { readonly is: 'greeting'; readonly dial: Dial }
  | { readonly is: 'live'; readonly dial: Dial; readonly heartbeat: Heartbeat }
  | { readonly is: 'over' };

/** Reasons of Socket.IO that mean a broken connection, and not one that somebody closed. */
const FAULTS: ReadonlySet<string> = new Set(['ping timeout', 'transport error', 'parse error']);

/**
 * One attempt to connect, and the connection that comes of it:
 *
 *     unopened -> authenticating -> dialing (each transport in turn) -> greeting -> live -> over
 *
 * from each of which a failure, or `close`, leads to `over`. `auth` is asked once. The time that is left of
 * `connectTimeout` is shared out evenly among the transports that are left, so that one which hangs behind a proxy
 * leaves time for the next. A `Connection` is used once, and tells nothing after `close`.
 */
export class Connection {
  private phase: Phase = { is: 'unopened' };
  private readonly missed: string[] = [];
  private readonly deadline: number;

  constructor(
    private readonly options: ResolvedNodeClientOptions,
    private readonly greet: Greet,
    private readonly events: ConnectionEvents,
  ) {
    this.deadline = options.clock.now() + options.connectTimeout;
  }

  get socket(): Socket | undefined {
    return this.phase.is === 'live' ? this.phase.dial.socket : undefined;
  }

  get transportName(): string | undefined {
    return this.phase.is === 'live' ? this.phase.dial.transport.name : undefined;
  }

  /** Starts. Nothing is reported before this has returned. */
  open(): void {
    const timer = this.options.clock.setTimeout(
      () => this.fail('"auth" gave no answer within "connectTimeout"', undefined),
      this.options.connectTimeout,
    );
    this.enter({ is: 'authenticating', timer });
    void this.authenticate();
  }

  /**
   * Hands a message to the transport.
   * @returns false when the connection is going down and did not take it
   * @throws N2NError `NOT_SERIALIZABLE`
   */
  send(data: unknown): boolean {
    if (this.phase.is !== 'live') return false;
    const { socket } = this.phase.dial;
    const waiting = socket.sendBuffer.length;
    try {
      socket.send(data);
    } catch (error) {
      throw N2NError.from(
        error,
        'NOT_SERIALIZABLE',
        'The message cannot be encoded; send plain data instead',
      );
    }
    if (socket.sendBuffer.length === waiting) return true;
    // Socket.IO has noticed that no ping came, and keeps the message for when it connects again. It never will.
    socket.sendBuffer.pop();
    return false;
  }

  /** Ends the connection, politely if it is live, or the attempt, at once. */
  close(): void {
    const { phase } = this;
    this.enter({ is: 'over' });
    if ('dial' in phase) phase.dial.close();
  }

  private async authenticate(): Promise<void> {
    // So that an `auth` that throws fails the attempt, and not the call that started it.
    await Promise.resolve();
    if (this.phase.is !== 'authenticating') return;
    let auth: AuthData | undefined;
    try {
      auth = await this.options.auth();
    } catch (error) {
      if (this.phase.is === 'authenticating') this.fail(`"auth" failed: ${messageOf(error)}`, error);
      return;
    }
    if (this.phase.is !== 'authenticating') return;
    if (auth !== undefined && !isRecord(auth))
      this.fail('"auth" gave something else than an object', undefined);
    else this.dial(0, auth ?? {});
  }

  private dial(index: number, auth: AuthData): void {
    const { transports, clock } = this.options;
    const transport = transports[index];
    const dial: Dial = new Dial(transport, this.options, auth, {
      onConnected: () => this.onConnected(dial),
      onFailed: (failure) => this.onDialFailed(failure, index, auth),
      onLost: (reason, cause) => this.onLost(reason, cause),
      onMessage: (messageArguments) => this.events.onMessage(messageArguments),
      onSignOfLife: () => {
        if (this.phase.is === 'live') this.phase.heartbeat.beat();
      },
    });
    const share = Math.max(1, Math.ceil((this.deadline - clock.now()) / (transports.length - index)));
    const timer = clock.setTimeout(() => {
      dial.sever();
      this.onDialFailed(transportFailure(`no connection within ${share} ms`), index, auth);
    }, share);
    this.enter({ is: 'dialing', dial, timer });
    dial.open();
  }

  private onConnected(dial: Dial): void {
    this.enter({ is: 'greeting', dial });
    this.greet(dial.socket, {
      onGreeted: () => this.onGreeted(dial),
      onFailed: (error) => this.onGreetingFailed(error),
    });
  }

  private onGreetingFailed(error: N2NError): void {
    if (this.phase.is !== 'greeting') return;
    this.enter({ is: 'over' });
    this.events.onFailed(error);
  }

  private onGreeted(dial: Dial): void {
    if (this.phase.is !== 'greeting') return;
    const silenceLimit = effectiveTimeout(dial.announced, this.options.timeout);
    const onDead = (): void => {
      dial.sever();
      this.onLost('ping timeout', `no sign of life from the server for ${silenceLimit} ms`);
    };
    this.enter({ is: 'live', dial, heartbeat: new Heartbeat(silenceLimit, this.options.clock, onDead) });
    this.events.onConnected({ missed: this.missed, silenceLimit, pingInterval: dial.announced.pingInterval });
  }

  private onDialFailed(failure: DialFailure, index: number, auth: AuthData): void {
    const { transports } = this.options;
    this.missed.push(`${transports[index].name}: ${failure.message}`);
    if (!failure.isFinal && index + 1 < transports.length) this.dial(index + 1, auth);
    else this.fail(this.missed.join('; '), failure.cause, failure.data);
  }

  private fail(reason: string, cause: unknown, data?: unknown): void {
    this.enter({ is: 'over' });
    const label = addressLabel(this.options.address);
    const message = `Cannot connect to ${label}: ${reason}. Check that the server runs there and takes this client.`;
    const details = data === undefined ? {} : { details: { data } };
    this.events.onFailed(new N2NError('CONNECT_FAILED', message, { cause, ...details }));
  }

  private onLost(reason: string, cause: unknown): void {
    // Before it is live, whoever greets tells of it.
    if (this.phase.is !== 'live') return;
    this.enter({ is: 'over' });
    this.events.onLost(reason, FAULTS.has(reason) ? this.lossError(reason, cause) : undefined);
  }

  private lossError(reason: string, cause: unknown): N2NError {
    const label = addressLabel(this.options.address);
    const why =
      typeof cause === 'string' || cause instanceof Error ? `: ${transportErrorMessage(cause)}` : '';
    return new N2NError('CONNECTION_LOST', `The connection to ${label} was lost (${reason})${why}.`, {
      cause,
    });
  }

  private enter(phase: Phase): void {
    const left = this.phase;
    this.phase = phase;
    if (left.is === 'authenticating' || left.is === 'dialing') this.options.clock.clearTimeout(left.timer);
    if (left.is === 'live') left.heartbeat.stop();
  }
}

/**
 * A server may ping more seldom than `timeout`, as Socket.IO's does by default. Its silence says nothing then, and a
 * healthy connection would be given up whenever it is idle: its own terms have to do.
 */
function effectiveTimeout({ pingInterval, pingTimeout }: AnnouncedHeartbeat, timeout: number): number {
  return timeout > pingInterval ? timeout : pingInterval + pingTimeout;
}
