import { ClientProxy, type MsPattern, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { InvalidMessageException } from '@nestjs/microservices/errors/invalid-message.exception.js';
import { firstValueFrom, Observable, of } from 'rxjs';
import { publishError } from '../diagnostics.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import { CallStream } from './call-stream.js';
import type { CallTerms, MadeCall } from './caller.js';
import { ContextSink } from './context-sink.js';
import { EventOutcome } from './event-outcome.js';
import type { CallRequest, MakeCall } from './layers/call-layer.js';
import { composeLayers, type CallDefaults, type PacketSource } from './layers/call-layers.js';
import { encodePayload } from './layers/encode-request.js';
import { isPayloadStream } from './payload-stream.js';
import { N2NRecord, type RecordSettings } from './record.js';

/** The result of an event that is already written. */
const WRITTEN = of(undefined);

const NO_SETTINGS: RecordSettings = {};

/** Nest's `ClientProxy` over a `Caller`. It avoids the three Observables that the base class creates for each call. */
export abstract class CallProxy<
  // oxlint-disable-next-line typescript/no-generated-empty-object-type, typescript/no-unsafe-function-type -- ClientProxy's own type of an events map
  Events extends Record<never, Function> = Record<never, Function>,
> extends ClientProxy<Events> {
  protected abstract readonly defaults: CallDefaults;
  private termsOfPlain: CallTerms | undefined = undefined;
  /** The layers of calls that have more than a payload. Built on first use, and again if the defaults change. */
  private layers: { readonly of: CallDefaults; readonly make: MakeCall<CallRequest> } | undefined = undefined;
  private readonly packetSource: PacketSource = {
    // Nest 12 sets the hook. Nest 11 has none.
    dispatchHook: () => this.onDispatchHook,
    withId: (packet) => this.assignPacketId(packet),
  };

  /**
   * Calls the handler of `pattern` for each subscription. Unsubscribing also cancels the call on the other side.
   *
   * @param data the payload, or an `N2NRecord` with the payload and settings of the call. An async iterable, `Readable`
   * or Observable is sent as a stream. When the call ends, it is returned, destroyed or unsubscribed from, even if it
   * was never sent.
   * @returns the answers. It errors with an `N2NError`, or with the handler's error in the form of Nest's TCP transport.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the signature of ClientProxy
  override send<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    return new Observable<TResult>((subscriber) => {
      try {
        const call = this.make(pattern, data, new ContextSink(subscriber));
        return () => call?.cancel();
      } catch (error) {
        subscriber.error(error);
        return undefined;
      }
    });
  }

  /**
   * Returns the values of the handler of `pattern` as an async iterable. The call is made when the first value is
   * requested. A slow consumer pauses the handler's generator on the other side. Leaving a `for await` early cancels the
   * call.
   *
   * @param data as for `send`
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- as ClientProxy has it for send
  stream<TResult = any>(pattern: any, data: unknown): AsyncIterableIterator<TResult> {
    return new CallStream<TResult>((sink) => this.make(pattern, data, sink));
  }

  /**
   * Sends an event immediately, with or without a subscriber.
   *
   * @param data the payload, or an `N2NRecord` with the payload and settings of the event
   * @returns the outcome. It completes when the event is written; an acknowledged event completes when it is handled. It
   * errors with an `N2NError`. An error without a subscriber is logged.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the signature of ClientProxy
  override emit<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    const { report } = this.defaults;
    const outcome = new EventOutcome((error) => {
      publishError(undefined, error);
      report(`The event "${String(pattern)}" was lost`, error);
    });
    try {
      if (this.makeEvent(pattern, data, outcome) === undefined)
        return WRITTEN as Observable<unknown> as Observable<TResult>;
    } catch (error) {
      outcome.error(error);
    }
    return outcome.observable as Observable<unknown> as Observable<TResult>;
  }

  /** @internal The base class builds calls from this method; `send` does not use it. */
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

  private make(pattern: unknown, data: unknown, sink: CallSink): MadeCall | undefined {
    const route = this.routeOf(pattern);
    if (!this.isPlain(data)) return this.makeLayered('call', route, pattern, data, sink);
    const { caller, codec } = this.defaults;
    return caller.call(route, encodePayload(codec, route, data), sink, this.plainTerms());
  }

  /** @returns undefined once the event is written */
  private makeEvent(pattern: unknown, data: unknown, outcome: CallSink): MadeCall | undefined {
    const route = this.routeOf(pattern);
    if (!this.isPlain(data)) return this.makeLayered('event', route, pattern, data, outcome);
    const { caller, codec } = this.defaults;
    return caller.emit(route, encodePayload(codec, route, data), outcome, this.plainTerms());
  }

  private makeLayered(
    kind: CallRequest['kind'],
    route: string,
    pattern: unknown,
    given: unknown,
    sink: CallSink,
  ): MadeCall | undefined {
    const { defaults } = this;
    if (this.layers?.of !== defaults) {
      this.layers = { of: defaults, make: composeLayers(defaults, this.packetSource) };
    }
    const { data, settings } = given instanceof N2NRecord ? given : { data: given, settings: NO_SETTINGS };
    return this.layers.make({ kind, route, packet: { pattern, data }, settings }, sink);
  }

  /** Whether the call has a payload and nothing else. */
  private isPlain(data: unknown): boolean {
    return (
      this.defaults.packets === undefined &&
      this.onDispatchHook === undefined &&
      !(data instanceof N2NRecord) &&
      !isPayloadStream(data)
    );
  }

  private plainTerms(): CallTerms {
    const { timeout } = this.defaults;
    if (this.termsOfPlain?.timeout !== timeout) this.termsOfPlain = { timeout };
    return this.termsOfPlain;
  }

  private routeOf(pattern: unknown): string {
    if (pattern === undefined || pattern === null) throw new InvalidMessageException();
    return typeof pattern === 'string' ? pattern : this.normalizePattern(pattern as MsPattern);
  }
}
