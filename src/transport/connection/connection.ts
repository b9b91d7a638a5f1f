import type { Socket } from 'socket.io-client';
import { N2NError } from '../../n2n-error.js';
import type { ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import type { AnnouncedHeartbeat, Dial } from './dial.js';
import { transportErrorMessage } from './dial-failure.js';
import { Heartbeat } from './heartbeat.js';
import { addressLabel } from './server-address.js';

/** After `close` nothing is told. */
interface ConnectionEvents {
  /**
   * Told at most once.
   * @param fault there when the connection did not merely close, but was broken
   */
  onLost(reason: string, fault: N2NError | undefined): void;
  onMessage(messageArguments: unknown[]): void;
}

/** Reasons of Socket.IO that mean a broken connection, and not one that somebody closed. */
const FAULTS: ReadonlySet<string> = new Set(['ping timeout', 'transport error', 'parse error']);

type State =
  | { readonly is: 'held' }
  | { readonly is: 'live'; readonly events: ConnectionEvents; readonly heartbeat: Heartbeat }
  | { readonly is: 'over' };

/**
 * A connection that an attempt has made. Messages and the loss that come before `listen` are told then, in order.
 *
 * @typeParam Agreed the result of the handshake step
 */
export class Connection<Agreed = unknown> {
  /** How long the connection may be without a sign of life, in milliseconds. */
  readonly silenceLimit: number;
  private state: State = { is: 'held' };

  /** @param missed the transports that failed before the one that connected, with their reasons */
  constructor(
    private readonly dial: Dial,
    readonly agreed: Agreed,
    private readonly options: ResolvedNodeClientOptions,
    readonly missed: readonly string[],
  ) {
    this.silenceLimit = silenceLimitOf(dial.announced, options.timeout);
  }

  get socket(): Socket {
    return this.dial.socket;
  }

  get transportName(): string {
    return this.dial.transport.name;
  }

  /** The server's, in milliseconds. */
  get pingInterval(): number {
    return this.dial.announced.pingInterval;
  }

  /** Called once. */
  listen(events: ConnectionEvents): void {
    const { silenceLimit, dial } = this;
    if (this.state.is !== 'held') return;
    const onDead = (): void => {
      dial.sever('ping timeout');
      this.onLost('ping timeout', `no sign of life from the server for ${silenceLimit} ms`);
    };
    const heartbeat = new Heartbeat(silenceLimit, this.options.clock, onDead);
    this.state = { is: 'live', events, heartbeat };
    dial.listen({
      onLost: (reason, cause) => this.onLost(reason, cause),
      onMessage: (messageArguments) => {
        if (this.state.is === 'live') events.onMessage(messageArguments);
      },
      onSignOfLife: () => heartbeat.beat(),
    });
  }

  /**
   * Hands a message to the transport.
   * @returns false when the connection is going down and did not take it
   * @throws N2NError `NOT_SERIALIZABLE`
   */
  send(data: unknown): boolean {
    if (this.state.is === 'over') return false;
    const { socket } = this;
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

  /** Ends it: what was sent leaves. @param farewell writes the last words; that the connection ends is told no more */
  close(farewell?: () => void): void {
    if (!this.end()) return;
    farewell?.();
    this.dial.close();
  }

  private onLost(reason: string, cause: unknown): void {
    const { state } = this;
    if (state.is !== 'live') return;
    this.end();
    state.events.onLost(reason, FAULTS.has(reason) ? this.lossError(reason, cause) : undefined);
  }

  /** @returns false when it was over already */
  private end(): boolean {
    const { state } = this;
    if (state.is === 'over') return false;
    this.state = { is: 'over' };
    if (state.is === 'live') state.heartbeat.stop();
    return true;
  }

  private lossError(reason: string, cause: unknown): N2NError {
    const label = addressLabel(this.options.address);
    const why =
      typeof cause === 'string' || cause instanceof Error ? `: ${transportErrorMessage(cause)}` : '';
    return new N2NError('CONNECTION_LOST', `The connection to ${label} was lost (${reason})${why}.`, {
      cause,
    });
  }
}

/**
 * A server may ping more seldom than `timeout`, as Socket.IO's does by default. Its silence says nothing then, and a
 * healthy connection would be given up whenever it is idle. The terms of the server count then.
 */
function silenceLimitOf({ pingInterval, pingTimeout }: AnnouncedHeartbeat, timeout: number): number {
  return timeout > pingInterval ? timeout : pingInterval + pingTimeout;
}
