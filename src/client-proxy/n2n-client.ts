import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { Clock } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { reportTo } from '../call/caller.js';
import type { CallHost, CallListener } from '../call/call-host.js';
import { CallProxy } from '../call/call-proxy.js';
import type { CallDefaults } from '../call/layers/call-layers.js';
import type { NodeClient } from '../transport/node-client/node-client.js';
import type { NodeClientEvents } from '../transport/node-client/node-client-events.js';
import { Channel, type ChannelStatus } from './channel.js';
import { loggerNamed } from './named-logger.js';
import { resolveN2NClientOptions, type N2NClientOptions } from './n2n-client-options.js';

/** The events of the connection, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- Nest's type of an events map; NodeClientEvents has the exact types
export type N2NClientEvents = { [Event in keyof NodeClientEvents]: (...args: any[]) => void };

/**
 * - `connected`: calls are sent immediately
 * - `draining`: the server or this client refuses new calls; calls under way continue
 * - `reconnecting`: the connection is lost; calls wait
 * - `disconnected`: there is no connection and no attempt
 */
export type N2NClientStatus = ChannelStatus;

/**
 * Calls the handlers of another Nest service.
 *
 * The first call connects. Without a connection, calls and events wait in a bounded queue, in order. The client
 * reconnects automatically and resumes the calls under way. They fail with `CONNECTION_LOST` if the client does not
 * reconnect within `resumeWindow`, or if the server was restarted.
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
   * @param name the name of the client in the log; `N2NModule` passes the name of the registration
   * @throws N2NError `INVALID_OPTIONS`
   */
  constructor(options: N2NClientOptions = {}, name?: string) {
    super();
    const resolved = resolveN2NClientOptions(
      name === undefined ? options : { ...options, logger: loggerNamed(name, options.logger) },
      new Logger(N2NClient.name),
    );
    const { codec, logger, timeout: callTimeout, packets } = resolved;
    const report = reportTo(logger);
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

  /**
   * Emits the current state of the connection, then each change. Emits nothing until the first connection, or until the
   * first attempts have stopped.
   */
  override get status(): Observable<N2NClientStatus> {
    return super.status as Observable<N2NClientStatus>;
  }

  /**
   * Connects. The first call connects, too.
   * @returns resolves when calls can be made; rejects with `CONNECT_FAILED` when the first attempt has failed. More
   * attempts follow if calls wait, handlers are hosted, or the client was connected before. Otherwise the next call
   * connects again.
   */
  override connect(): Promise<void> {
    return this.channel.connect();
  }

  /**
   * Ends the connection when the calls under way have ended. Calls that have not ended after `drainTimeout` fail with
   * `CLOSED`. Calls that wait for a connection fail with `CLOSED` immediately. So do later calls, until `connect`.
   * @returns resolves when the connection has ended
   */
  override close(): Promise<void> {
    return this.channel.close();
  }

  /**
   * Called by Nest when the application starts. Waits for the connection for up to `waitForFirstConnect`. Reopens a
   * client that another application of this process has closed. If it throws, the client is closed.
   * @throws N2NError `CONNECT_FAILED` when there is no connection in time, or the attempts have stopped; `CLOSED` when
   * the client is closed meanwhile
   */
  async onModuleInit(): Promise<void> {
    const { firstConnectTimeout, channel } = this;
    channel.reopen();
    if (firstConnectTimeout === 0) return;
    const timeoutError = (): N2NError => noFirstConnection(firstConnectTimeout, channel.failure);
    try {
      await within(this.clock, firstConnectTimeout, channel.whenOpen(), timeoutError);
    } catch (error) {
      // Nest does not run shutdown hooks for an application that has not started.
      await this.close();
      throw error;
    }
  }

  /** Called by Nest when the application shuts down. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** Listens to an event of the `NodeClient`. With several addresses, it listens to each of them. */
  override on<Event extends keyof N2NClientEvents>(event: Event, callback: N2NClientEvents[Event]): void {
    for (const client of this.channel.clients) client.on(event, callback as never);
  }

  /** Returns the `NodeClient` of the connection. With several addresses, it returns the one in use. */
  override unwrap<T = NodeClient>(): T {
    return this.channel.client as T;
  }

  /** @internal For `N2NServer({ client })`, which hosts handlers for the server. */
  hostCalls(listener: CallListener | undefined): void {
    this.channel.hostCalls(listener);
  }
}

/** @param timeoutError creates the error of the timeout */
function within(
  clock: Clock,
  milliseconds: number,
  settled: Promise<void>,
  timeoutError: () => N2NError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(timeoutError()), milliseconds, 'wait-again');
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
