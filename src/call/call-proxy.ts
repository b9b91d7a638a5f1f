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

/** What an event that was written gives to whoever asks: that it was. */
const WRITTEN = of(undefined);

const NO_SETTINGS: RecordSettings = {};

/** Nest's `ClientProxy` over whatever calls can be made of, without the three Observables a call of its base class. */
export abstract class CallProxy<
  // oxlint-disable-next-line typescript/no-generated-empty-object-type, typescript/no-unsafe-function-type -- ClientProxy's own type of an events map
  Events extends Record<never, Function> = Record<never, Function>,
> extends ClientProxy<Events> {
  protected abstract readonly defaults: CallDefaults;
  private termsOfPlain: CallTerms | undefined = undefined;
  /** What calls go through that are more than a payload. */
  private layers: { readonly of: CallDefaults; readonly make: MakeCall<CallRequest> } | undefined = undefined;
  private readonly packetSource: PacketSource = {
    // The hook is Nest 12's; in Nest 11 nobody sets one.
    dispatchHook: () => this.onDispatchHook,
    withId: (packet) => this.assignPacketId(packet),
  };

  /**
   * Calls the handler of `pattern` with each subscription. Unsubscribing cancels the call on the other side, too.
   *
   * @param data the payload; a `N2NRecord` says more about the call; an async iterable, `Readable` or Observable is
   * sent as a stream, and is returned, destroyed or unsubscribed from when the call ends, also where it never left
   * @returns errors with an `N2NError`, or with what the handler threw, as Nest's TCP transport delivers it
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
   * Calls the handler of `pattern`, when the first value is asked for, and gives its values as they are taken: a slow
   * consumer holds back the handler's generator on the other side. Leaving a `for await` early cancels the call.
   *
   * @param data as for `send`
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- as ClientProxy has it for send
  stream<TResult = any>(pattern: any, data: unknown): AsyncIterableIterator<TResult> {
    return new CallStream<TResult>((sink) => this.make(pattern, data, sink));
  }

  /**
   * Sends an event, at once, whether or not anyone subscribes.
   *
   * @param data the payload; a `N2NRecord` says more about the event, such as that it is to be acknowledged
   * @returns what completes when the event is written, or has been handled where it is to be acknowledged, or errors
   * with an `N2NError`. An error that nobody subscribes to is logged.
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

  /** @internal What the base class builds calls from; `send` goes without it. */
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

  /** Whether there is nothing to it but a payload. */
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
