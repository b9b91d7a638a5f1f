import type { Clock } from '../../clock.js';
import type { N2NError } from '../../n2n-error.js';
import type { ResolvedLogger } from '../logger.js';
import type { Connection } from './connection.js';

export interface ConnectionLogOptions {
  readonly logger: ResolvedLogger;
  readonly clock: Clock;
  /** The longest time without a sign of life that was asked for, in milliseconds. */
  readonly timeout: number;
}

/**
 * What the log is told of the connections to one address: one line when there is one, when it is lost, when it is back,
 * and when it is given up. The attempts in between are for `debug`.
 */
export class ConnectionLog {
  /** Since when there is no connection any more, by the clock; undefined before the first, and while there is one. */
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

  /** @param isReturn whether it goes on with what there was, and has only paused */
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
   * @param fault there when it was broken, and not closed
   * @param delay after how many milliseconds the next attempt follows; undefined where none does
   */
  onLost(reason: string, fault: N2NError | undefined, delay: number | undefined): void {
    const { logger, clock } = this.options;
    this.awayAt = clock.now();
    const what = fault?.message ?? `disconnected from ${this.label}: ${reason}.`;
    const age = seconds(this.awayAt - this.connectedAt);
    const next = delay === undefined ? 'No attempt to reconnect follows' : `Reconnecting in ${delay} ms`;
    const line = `${what} It had lasted ${age}. ${next}.`;
    if (fault !== undefined) logger.error(line);
    else if (isOrderly(reason)) logger.log(line);
    else logger.warn(line);
  }

  /** An attempt has failed, and nobody else is told. The first one is told of where there was no connection yet. */
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

  /** This side has ended the connection. */
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
          `noticed after ${silenceLimit} ms. Set the server's "pingInterval" below "timeout".`,
      );
    }
  }
}

/** Whether one of the sides has closed the connection, as Socket.IO tells it. */
function isOrderly(reason: string): boolean {
  return reason === 'io server disconnect' || reason === 'io client disconnect';
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
