import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { Clock } from '../clock.js';
import { messageOf, N2NError } from '../n2n-error.js';
import type { CallHost, CallListener } from '../call/call-host.js';
import { CallProxy } from '../call/call-proxy.js';
import type { CallDefaults } from '../call/layers/call-layers.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import type { NodeClientEvents } from '../transport/node-client/node-client-events.js';
import { Channel, type ChannelStatus } from './channel.js';
import { loggerNamed } from './named-logger.js';
import { resolveN2NClientOptions, type N2NClientOptions } from './n2n-client-options.js';

/** The events of the connection, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- Nest's type of an events map; NodeClientEvents says the rest
export type N2NClientEvents = { [Event in keyof NodeClientEvents]: (...args: any[]) => void };

/**
 * - `connected`: calls leave at once
 * - `draining`: the server, or this client, takes no new calls; those under way go on
 * - `reconnecting`: the connection is lost; calls wait
 * - `disconnected`: nothing is connected or tried
 */
export type N2NClientStatus = ChannelStatus;

/**
 * Calls the handlers of another Nest service.
 *
 * It connects with the first call. While there is no connection, calls and events wait for one, in order and bounded. A
 * connection that is lost comes back by itself, and the calls under way go on; they fail with `CONNECTION_LOST` where it
 * does not come back within `resumeWindow`, or to a server that was started anew.
 *
 * @example
 * const n2n = new N2NClient({ url: 'http://127.0.0.1:6262' });
 * const count = await firstValueFrom(n2n.send<number>('words.count', 'to be or not to be'));
 */
export class N2NClient
  extends CallProxy<N2NClientEvents>
  implements CallHost, OnModuleInit, OnApplicationShutdown
{
  protected override readonly defaults: CallDefaults;
  private readonly channel: Channel;
  private readonly firstConnectTimeout: number;
  private readonly clock: Clock;

  /**
   * @param name what the log calls it; the module gives the name that it is registered under
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(options: N2NClientOptions = {}, name?: string) {
    super();
    const resolved = resolveN2NClientOptions(
      name === undefined ? options : { ...options, logger: loggerNamed(name, options.logger) },
      new Logger(N2NClient.name),
    );
    const { codec, logger, timeout: callTimeout, packets } = resolved;
    const report = (message: string, error: unknown): void => logger.error(`${message}: ${messageOf(error)}`);
    this.firstConnectTimeout = resolved.waitForFirstConnect;
    this.clock = resolved.clock;
    this.channel = new Channel(resolved, {
      onStatus: (status) => this._status$.next(status),
      onFault: (error) => report('A call of the server', error),
    });
    this.defaults = {
      caller: this.channel,
      codec,
      timeout: callTimeout,
      packets,
      repeatBy: resolved.clock,
      report,
    };
  }

  /** The state of the connection, from the latest on; nothing until there was one, or none is hoped for any more. */
  override get status(): Observable<N2NClientStatus> {
    return super.status as Observable<N2NClientStatus>;
  }

  /**
   * Connects, which the first call does too.
   * @returns what settles when calls can be made, or with `CONNECT_FAILED` when the first attempt has failed. Further
   * attempts follow where somebody has a use for the connection: calls that wait, hosted handlers, or a client that was
   * connected before. Otherwise the next call begins anew.
   */
  override connect(): Promise<void> {
    return this.channel.connect();
  }

  /**
   * Ends the connection once the calls under way have ended, or `drainTimeout` has passed: then they fail with `CLOSED`.
   * Calls that wait for a connection fail with it at once, and so do later ones until `connect`.
   * @returns what settles when the connection has ended
   */
  override close(): Promise<void> {
    return this.channel.close();
  }

  /**
   * Called by Nest when the application starts: waits for the connection where `waitForFirstConnect` says so. A client
   * that another application of this process had, and closed, can be used again.
   * @throws N2NError `CONNECT_FAILED` when there is none by then, or the client has given up, or `CLOSED` when it was
   * closed; it is closed after either
   */
  async onModuleInit(): Promise<void> {
    const { firstConnectTimeout, channel } = this;
    channel.reopen();
    if (firstConnectTimeout === 0) return;
    const tooLate = (): N2NError => noFirstConnection(firstConnectTimeout, channel.failure);
    try {
      await within(this.clock, firstConnectTimeout, channel.whenOpen(), tooLate);
    } catch (error) {
      // Nest shuts down nothing of an application that has not started.
      await this.close();
      throw error;
    }
  }

  /** Called by Nest when the application shuts down. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** Listens to an event of the `NodeClient`; where there are several addresses, of each. */
  override on<Event extends keyof N2NClientEvents>(event: Event, callback: N2NClientEvents[Event]): void {
    for (const client of this.channel.clients) client.on(event, callback as never);
  }

  /** The `NodeClient` under the calls; where there are several addresses, that of the one in use. */
  override unwrap<T = NodeClient>(): T {
    return this.channel.client as T;
  }

  /** @internal For `N2NServer({ client })`, which hosts handlers for the other side. */
  hostCalls(listener: CallListener | undefined): void {
    this.channel.hostCalls(listener);
  }
}

/** @param tooLate makes the error for when it has not settled by then */
function within(
  clock: Clock,
  milliseconds: number,
  settled: Promise<void>,
  tooLate: () => N2NError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(tooLate()), milliseconds, 'wait-again');
    settled.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}

function noFirstConnection(milliseconds: number, cause: N2NError | undefined): N2NError {
  const why = cause === undefined ? '.' : `: ${cause.message}`;
  return new N2NError(
    'CONNECT_FAILED',
    `There was no connection within ${milliseconds} ms (waitForFirstConnect)${why}`,
    { cause },
  );
}
