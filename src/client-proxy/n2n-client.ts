import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { messageOf } from '../n2n-error.js';
import type { CallHost, CallListener } from '../proxy/call-listener.js';
import { CallProxy, type CallDefaults } from '../proxy/call-proxy.js';
import type { NodeClient } from '../transport/node-client.js';
import type { NodeClientEvents } from '../transport/node-client-events.js';
import { Endpoint, type EndpointStatus } from './endpoint.js';
import { resolveN2NClientOptions, type N2NClientOptions } from './n2n-client-options.js';

/** The events of the connection, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- Nest's type of an events map; NodeClientEvents says the rest
export type N2NClientEvents = { [Event in keyof NodeClientEvents]: (...args: any[]) => void };

export type N2NClientStatus = EndpointStatus;

/**
 * Calls the handlers of another Nest service.
 *
 * It connects with the first call. While there is no connection, calls and events wait for one, in order and bounded; a
 * connection that is lost fails the calls that were under way with `CONNECTION_LOST`, and comes back by itself.
 *
 * @example
 * const n2n = new N2NClient({ url: 'http://127.0.0.1:6262' });
 * const count = await firstValueFrom(n2n.send<number>('words.count', 'to be or not to be'));
 */
export class N2NClient extends CallProxy<N2NClientEvents> implements CallHost, OnApplicationShutdown {
  protected override readonly defaults: CallDefaults;
  private readonly logger = new Logger(N2NClient.name);
  private readonly endpoint: Endpoint;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NClientOptions = {}) {
    super();
    const resolved = resolveN2NClientOptions(options, this.logger);
    const { codec, timeout } = resolved;
    const report = (message: string, error: unknown): void =>
      this.logger.error(`${message}: ${messageOf(error)}`);
    this.endpoint = new Endpoint(resolved, {
      onStatus: (status) => this._status$.next(status),
      onFault: (error) => report('A handler could not be stopped', error),
    });
    this.defaults = { caller: this.endpoint, codec, timeout, report };
  }

  /** The state of the connection, from the latest on. */
  override get status(): Observable<N2NClientStatus> {
    return super.status as Observable<N2NClientStatus>;
  }

  /**
   * Connects, which the first call does too.
   * @returns what settles when calls can be made, or with `CONNECT_FAILED` when the first attempt has failed; further
   * attempts follow all the same
   */
  override connect(): Promise<void> {
    return this.endpoint.connect();
  }

  /** Ends the connection. Calls under way fail with `CLOSED`, and so do later ones until `connect`. */
  override close(): void {
    this.endpoint.close();
  }

  /** Called by Nest when the application shuts down. */
  onApplicationShutdown(): void {
    this.close();
  }

  /** Listens to an event of the `NodeClient`. */
  override on<Event extends keyof N2NClientEvents>(event: Event, callback: N2NClientEvents[Event]): void {
    this.endpoint.client.on(event, callback as never);
  }

  /** The `NodeClient` under the calls. */
  override unwrap<T = NodeClient>(): T {
    return this.endpoint.client as T;
  }

  /** @internal For `N2NServer({ client })`, which hosts handlers for the other side. */
  hostCalls(listener: CallListener | undefined): void {
    this.endpoint.hostCalls(listener);
  }
}
