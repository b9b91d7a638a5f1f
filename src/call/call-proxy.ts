import { ClientProxy, type MsPattern, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { InvalidMessageException } from '@nestjs/microservices/errors/invalid-message.exception.js';
import { firstValueFrom, Observable, of } from 'rxjs';
import { publishError } from '../diagnostics.js';
import { N2NError } from '../n2n-error.js';
import type { CallSink } from '../rpc/outgoing/outgoing-call.js';
import type { Codec } from '../protocol/values/codec.js';
import { notSerializableIn } from '../protocol/values/not-serializable.js';
import type { EncodedValue } from '../protocol/values/value.js';
import { AnswerReader } from './nest-packets/answer-reader.js';
import { LinkedCall } from './layers/linked-call.js';
import { CallStream } from './call-stream.js';
import { ContextSink } from './context-sink.js';
import { envelopeText, termsOf, type Packet } from './call-terms.js';
import type { Caller, CallTerms, MadeCall } from './caller.js';
import { EventOutcome } from './event-outcome.js';
import { runHook } from './hook.js';
import { mapStream } from './nest-packets/mapped-stream.js';
import { serializePacket, type PacketFormat } from './nest-packets/packet-format.js';
import { PayloadCall } from './layers/payload-call.js';
import { isPayloadStream, iterableIn, sendPayload } from './payload-stream.js';
import { N2NRecord, type RecordSettings } from './record.js';

/** What an event that was written gives to whoever asks: that it was. */
const WRITTEN = of(undefined);

/** What calls go to, and how they are made where nothing else is said. */
export interface CallDefaults {
  readonly caller: Caller;
  readonly codec: Codec;
  /** Milliseconds; 0 for ever. */
  readonly timeout: number;
  /** Where set, Nest's packets travel in place of bare values. */
  readonly packets?: PacketFormat | undefined;
  /** Told of an event that was lost while nobody subscribed, and of streams that failed when nobody wanted them. */
  readonly report: (message: string, error: unknown) => void;
}

/** A call or event, ready for the caller. */
interface Prepared {
  readonly route: string;
  readonly value: EncodedValue;
  readonly terms: CallTerms;
  /** Any of them cancels it. */
  readonly signals: readonly AbortSignal[];
}

/** Nest's `ClientProxy` over whatever calls can be made of, without the three Observables a call of its base class. */
export abstract class CallProxy<
  // oxlint-disable-next-line typescript/no-generated-empty-object-type, typescript/no-unsafe-function-type -- ClientProxy's own type of an events map
  Events extends Record<never, Function> = Record<never, Function>,
> extends ClientProxy<Events> {
  protected abstract readonly defaults: CallDefaults;
  private termsOfPlain: CallTerms | undefined = undefined;

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
        return () => call.cancel();
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

  private make(pattern: unknown, data: unknown, sink: CallSink): MadeCall {
    const { caller, packets } = this.defaults;
    if (this.isPlain(data)) {
      const route = this.routeOf(pattern);
      return caller.call(route, this.encode(route, data), sink, this.plainTerms());
    }
    return this.carrying(pattern, data, sink, (carried, onLeaves) => {
      const { route, value, terms, signals } = this.prepare(pattern, data, 'call', onLeaves);
      return linkedTo(signals, carried, (to) =>
        packets === undefined
          ? caller.call(route, value, to, terms)
          : new AnswerReader(packets, to).start((answers) => caller.call(route, value, answers, terms)),
      );
    });
  }

  /** @returns undefined once the event is written */
  private makeEvent(pattern: unknown, data: unknown, outcome: CallSink): MadeCall | undefined {
    const { caller } = this.defaults;
    if (this.isPlain(data)) {
      const route = this.routeOf(pattern);
      return caller.emit(route, this.encode(route, data), outcome, this.plainTerms());
    }
    return this.carrying(pattern, data, outcome, (carried, onLeaves) => {
      const { route, value, terms, signals } = this.prepare(pattern, data, 'event', onLeaves);
      return linkedTo(signals, carried, (sink) =>
        terms.key === undefined
          ? caller.emit(route, value, sink, terms)
          : caller.call(route, value, sink, terms),
      );
    });
  }

  /** Makes a call or event, and lets its payload go where that is a stream which never leaves. */
  private carrying<Made extends MadeCall | undefined>(
    pattern: unknown,
    data: unknown,
    sink: CallSink,
    make: (sink: CallSink, onLeaves: () => void) => Made,
  ): Made | PayloadCall {
    const payload = iterableIn(data instanceof N2NRecord ? data.data : data);
    if (payload === undefined) return make(sink, () => {});
    return new PayloadCall(payload, sink, this.onReturnFailed(pattern)).start(make);
  }

  /** Where the errors of a payload go that is not wanted any more. */
  private onReturnFailed(pattern: unknown): (error: unknown) => void {
    const { report } = this.defaults;
    return (error) => report(`The payload of "${String(pattern)}" failed when it was stopped`, error);
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

  /** @throws N2NError `NOT_SERIALIZABLE`, or `TIMEOUT` when no time is left of the call that it is bound to */
  private prepare(pattern: unknown, given: unknown, kind: 'call' | 'event', onLeaves: () => void): Prepared {
    const route = this.routeOf(pattern);
    const { timeout, packets } = this.defaults;
    const record = given instanceof N2NRecord ? given : new N2NRecord(given, {});
    const { settings } = record;
    // The hook is Nest 12's; in Nest 11 nobody sets one.
    const packet: Packet = { pattern, data: record.data };
    runHook(() => this.onDispatchHook?.(packet), this.onHookFailed(route));
    const { data } = packet;
    const terms = { ...termsOf(settings, timeout, kind), metadata: envelopeText(settings, packet, packets) };
    const wrap = packets === undefined ? undefined : this.wrapper(packets, packet, route, kind);
    if (!isPayloadStream(data)) {
      const value = this.encode(route, data, wrap);
      return { route, value, terms, signals: signalsOf(settings) };
    }
    if (kind === 'event')
      throw new N2NError('NOT_SERIALIZABLE', 'An event cannot carry a stream; use send().');
    const onPayload: CallTerms['onPayload'] = (target) => {
      onLeaves();
      sendPayload(wrap === undefined ? data : mapStream(data, wrap), target, this.onReturnFailed(route));
    };
    return { route, value: undefined, terms: { ...terms, onPayload }, signals: signalsOf(settings) };
  }

  /** Where the error of an async dispatch hook goes: its call is made without it. */
  private onHookFailed(route: string): (error: unknown) => void {
    const { report } = this.defaults;
    return (error) => report(`The dispatch hook failed for "${route}"`, error);
  }

  /** @throws N2NError `NOT_SERIALIZABLE`, which names the call */
  private encode(route: string, data: unknown, wrap?: (data: unknown) => unknown): EncodedValue {
    try {
      return this.defaults.codec.encode(wrap === undefined ? data : wrap(data));
    } catch (error) {
      throw notSerializableIn(`The payload of "${route}"`, error);
    }
  }

  /** Makes of a payload what travels in its place: its packet, as Nest's TCP transport makes it, serialized. */
  private wrapper(
    format: PacketFormat,
    packet: Packet,
    route: string,
    kind: 'call' | 'event',
  ): (data: unknown) => unknown {
    const whole = kind === 'call' ? this.assignPacketId(packet) : { ...packet, pattern: route };
    return (data) => serializePacket(format, { ...whole, data });
  }
}

function signalsOf({ scope, signal }: RecordSettings): readonly AbortSignal[] {
  return [scope?.getSignal(), signal].filter((given) => given !== undefined);
}

/** Makes a call that each of these signals cancels. */
function linkedTo<Made extends MadeCall | undefined>(
  [signal, ...others]: readonly AbortSignal[],
  sink: CallSink,
  make: (sink: CallSink) => Made,
): Made | LinkedCall {
  if (signal === undefined) return make(sink);
  return new LinkedCall(signal, sink).start((inner) => linkedTo(others, inner, make));
}
