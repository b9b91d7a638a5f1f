import { Logger } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { ClientProxy } from '@nestjs/microservices';
import type { MsPattern, ReadPacket, WritePacket } from '@nestjs/microservices';
import { InvalidMessageException } from '@nestjs/microservices/errors/invalid-message.exception.js';
import { firstValueFrom, Observable, of } from 'rxjs';
import { messageOf } from '../n2n-error.js';
import type { CallOptions } from '../peer/peer.js';
import { encodeValue, type EncodedValue } from '../protocol/value.js';
import type { NodeClient } from '../transport/node-client.js';
import type { NodeClientEvents } from '../transport/node-client-events.js';
import { Endpoint, type EndpointStatus } from './endpoint.js';
import { EventOutcome } from './event-outcome.js';
import {
  resolveN2NClientOptions,
  type N2NClientOptions,
  type ResolvedN2NClientOptions,
} from './n2n-client-options.js';

/** The events of the connection, for `on`. */
// oxlint-disable-next-line typescript/no-explicit-any -- Nest's type of an events map; NodeClientEvents says the rest
export type N2NClientEvents = { [Event in keyof NodeClientEvents]: (...args: any[]) => void };

export type N2NClientStatus = EndpointStatus;

/** What an event that was written gives to whoever asks: that it was. */
const WRITTEN = of(undefined);

/** A call or event, ready for the endpoint. */
interface Prepared {
  readonly route: string;
  readonly value: EncodedValue;
  readonly options: CallOptions;
}

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
export class N2NClient extends ClientProxy<N2NClientEvents> implements OnApplicationShutdown {
  private readonly logger = new Logger(N2NClient.name);
  private readonly options: ResolvedN2NClientOptions;
  private readonly endpoint: Endpoint;

  /** @throws N2NError `INVALID_OPTIONS` */
  constructor(options: N2NClientOptions = {}) {
    super();
    this.options = resolveN2NClientOptions({ logger: this.logger, ...options });
    this.endpoint = new Endpoint(this.options, { onStatus: (status) => this._status$.next(status) });
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

  /**
   * Calls the handler of `pattern` with each subscription. Unsubscribing cancels the call on the other side, too.
   *
   * The Observable errors with an `N2NError`, or with what the handler threw, as Nest's TCP transport delivers it.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the signature of ClientProxy
  override send<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    return new Observable<TResult>((subscriber) => {
      try {
        const { route, value, options } = this.prepare(pattern, data);
        const call = this.endpoint.call(route, value, subscriber, options);
        return () => call.cancel();
      } catch (error) {
        subscriber.error(error);
        return undefined;
      }
    });
  }

  /**
   * Sends an event, at once, whether or not anyone subscribes.
   *
   * @returns what completes when the event is written, or errors with an `N2NError` when it could not be. An error that
   * nobody subscribes to is logged.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the signature of ClientProxy
  override emit<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    const outcome = new EventOutcome((error) => this.logger.error(`An event was lost: ${messageOf(error)}`));
    try {
      const { route, value, options } = this.prepare(pattern, data);
      if (this.endpoint.emit(route, value, outcome, options))
        return WRITTEN as Observable<unknown> as Observable<TResult>;
    } catch (error) {
      outcome.error(error);
    }
    return outcome.observable as Observable<unknown> as Observable<TResult>;
  }

  /** @internal What the base class builds calls from; `send` goes without it, and without three Observables a call. */
  protected override publish(
    { pattern, data }: ReadPacket,
    callback: (packet: WritePacket) => void,
  ): () => void {
    const subscription = this.send<unknown>(pattern, data).subscribe({
      next: (response) => callback({ response }),
      error: (err: unknown) => callback({ err }),
      complete: () => callback({ isDisposed: true }),
    });
    return () => subscription.unsubscribe();
  }

  /** @internal See `publish`. */
  protected override dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    return firstValueFrom(this.emit<T>(pattern, data));
  }

  /** @throws N2NError `NOT_SERIALIZABLE` */
  private prepare(pattern: unknown, data: unknown): Prepared {
    if (pattern === undefined || pattern === null) throw new InvalidMessageException();
    const route = typeof pattern === 'string' ? pattern : this.normalizePattern(pattern as MsPattern);
    const { timeout } = this.options;
    if (this.onDispatchHook === undefined) return { route, value: encodeValue(data), options: { timeout } };
    const packet = this.createPacket(pattern, data) as ReadPacket & { metadata?: unknown };
    const metadata = packet.metadata === undefined ? undefined : JSON.stringify(packet.metadata);
    return { route, value: encodeValue(packet.data), options: { timeout, metadata } };
  }
}
