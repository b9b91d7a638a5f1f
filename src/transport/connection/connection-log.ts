import type { Clock } from '../../clock.js';
import type { N2NError } from '../../n2n-error.js';
import type { ResolvedLogger } from '../logger.js';
import type { Connection } from './connection.js';

export interface ConnectionLogOptions {
  readonly logger: ResolvedLogger;
  readonly clock: Clock;
  /** The option `timeout`: how long the server may be silent, in milliseconds. */
  readonly timeout: number;
}

/**
 * Logs the connections to one address. It writes one line when the client connects, loses the connection, reconnects or gives
 * up. The attempts in between are lines of level `debug`.
 */
export class ConnectionLog {
  /** When the last connection was lost. Undefined before the first connection, and while there is one. */
  private awayAt: number | undefined;
  private connectedAt = 0;
  private hasToldFailure = false;
  private hasWarnedOfFallback = false;
  private hasWarnedOfTimeout = false;

  /** @param label the address */
  constructor(
    private readonly label: string,
    private readonly options: ConnectionLogOptions,
  ) {}

  /** @param isReturn whether the client continues after a pause */
  onStart(isReturn: boolean): void {
    if (isReturn) return;
    this.awayAt = undefined;
    this.hasToldFailure = false;
  }

  onAttempt(attempt: number): void {
    this.options.logger.debug(`connecting to ${this.label}${attempt > 0 ? `, attempt ${attempt}` : ''}`);
  }

  onConnected(connection: Connection, attempt: number): void {
    const { logger, clock } = this.options;
    const now = clock.now();
    const attempts = attempt > 1 ? `, in attempt ${attempt}` : '';
    const again = this.awayAt === undefined ? '' : ` again, after ${seconds(now - this.awayAt)}${attempts}`;
    logger.log(`connected to ${this.label} over ${connection.transportName}${again}`);
    this.awayAt = undefined;
    this.hasToldFailure = false;
    this.connectedAt = now;
    this.warnOf(connection);
  }

  /**
   * @param fault the error of a broken connection; undefined if it was closed
   * @param delay the delay before the next attempt, in milliseconds; undefined if no attempt follows
   */
  onLost(reason: string, fault: N2NError | undefined, delay: number | undefined): void {
    const { logger, clock } = this.options;
    this.awayAt = clock.now();
    const what = fault?.message ?? `disconnected from ${this.label}: ${reason}.`;
    const age = seconds(this.awayAt - this.connectedAt);
    const next = delay === undefined ? 'No attempt to reconnect follows' : `Reconnecting in ${delay} ms`;
    const line = `${what} The connection lasted ${age}. ${next}.`;
    if (fault !== undefined) logger.error(line);
    else if (isOrderly(reason)) logger.log(line);
    else logger.warn(line);
  }

  /** An attempt has failed, and no listener gets the error. Only the first failure before the first connection is an error line. */
  onFailed(message: string): void {
    const { logger } = this.options;
    if (this.awayAt === undefined && !this.hasToldFailure) logger.error(message);
    else logger.debug(message);
    this.hasToldFailure = true;
  }

  onWaiting(delay: number, attempt: number): void {
    this.options.logger.debug(`reconnecting to ${this.label} in ${delay} ms, attempt ${attempt}`);
  }

  onGivenUp(attempts: number, error: N2NError | undefined): void {
    const { logger, clock } = this.options;
    const away =
      this.awayAt === undefined
        ? ''
        : `, ${seconds(clock.now() - this.awayAt)} after the connection was lost`;
    const why = error === undefined ? '' : `: ${error.message}`;
    logger.error(`gave up on ${this.label} after ${attempts} attempts${away}${why}`);
  }

  /** This side has closed the connection. */
  onLeft(): void {
    this.awayAt = this.options.clock.now();
    this.options.logger.log(`disconnected from ${this.label}`);
  }

  private warnOf({ transportName, missed, silenceLimit, pingInterval }: Connection): void {
    const { logger, timeout } = this.options;
    if (missed.length > 0 && !this.hasWarnedOfFallback) {
      this.hasWarnedOfFallback = true;
      logger.warn(`fell back to ${transportName}: ${missed.join('; ')}`);
    }
    if (silenceLimit > timeout && !this.hasWarnedOfTimeout) {
      this.hasWarnedOfTimeout = true;
      logger.warn(
        `"timeout" is ${timeout} ms but the server pings only every ${pingInterval} ms: a server that hangs is ` +
          `detected after ${silenceLimit} ms. Set the server's "pingInterval" below "timeout".`,
      );
    }
  }
}

/** Whether Socket.IO's reason means that one of the sides closed the connection on purpose. */
function isOrderly(reason: string): boolean {
  return reason === 'io server disconnect' || reason === 'io client disconnect';
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
