import type { Socket } from 'socket.io-client';
import { N2NError } from '../../n2n-error.js';
import type { ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import type { AnnouncedHeartbeat, Dial } from './dial.js';
import { transportErrorMessage } from './dial-failure.js';
import { Heartbeat } from './heartbeat.js';
import { addressLabel } from './server-address.js';

/** After `close` nothing is reported. */
interface ConnectionEvents {
  /**
   * Called at most once.
   * @param fault the error of a broken connection; undefined if it was closed
   */
  onLost(reason: string, fault: N2NError | undefined): void;
  onMessage(messageArguments: unknown[]): void;
}

/** Socket.IO's reasons for a broken connection. The other reasons mean that a side closed it. */
const FAULTS: ReadonlySet<string> = new Set(['ping timeout', 'transport error', 'parse error']);

type State =
  | { readonly is: 'held' }
  | { readonly is: 'live'; readonly events: ConnectionEvents; readonly heartbeat: Heartbeat }
  | { readonly is: 'over' };

/**
 * The connection of a successful attempt. Messages and a loss that precede `listen` are reported by it, in order.
 *
 * @typeParam Agreed the result of the handshake step
 */
export class Connection<Agreed = unknown> {
  /** How long the server may be silent, in milliseconds. */
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

  /** The server's `pingInterval`, in milliseconds. */
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
   * Passes a message to the transport.
   * @returns false if the connection is closing and does not accept the message
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
    // Socket.IO has noticed a missing ping, and buffers the message until it reconnects. This socket never reconnects.
    socket.sendBuffer.pop();
    return false;
  }

  /** Closes the connection. Written messages are still sent. @param finalWrite writes the last messages; no loss is reported */
  close(finalWrite?: () => void): void {
    if (!this.end()) return;
    finalWrite?.();
    this.dial.close();
  }

  private onLost(reason: string, cause: unknown): void {
    const { state } = this;
    if (state.is !== 'live') return;
    this.end();
    state.events.onLost(reason, FAULTS.has(reason) ? this.lossError(reason, cause) : undefined);
  }

  /** @returns false if it had ended already */
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
 * A server may ping less often than `timeout` allows, as Socket.IO's does by default. Every idle connection would then be
 * closed. So the heartbeat of the server applies instead.
 */
function silenceLimitOf({ pingInterval, pingTimeout }: AnnouncedHeartbeat, timeout: number): number {
  return timeout > pingInterval ? timeout : pingInterval + pingTimeout;
}
