import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from '../caller.js';
import { deserializePacket, type PacketFormat } from './packet-format.js';

/** Reads answers that arrive as Nest's packets. It keeps their order, even if the deserializer is async. */
export class AnswerReader implements CallSink, MadeCall {
  /** The flow-control window counts an answer until it is deserialized. */
  readonly isPaced = true;
  private call: MadeCall | undefined = undefined;
  /** Settles when all answers so far are read; undefined if they are. */
  private reading: Promise<void> | undefined = undefined;
  /** The number of answers that are received and not yet read. */
  private unread = 0;
  private isOver = false;

  constructor(
    private readonly format: PacketFormat,
    private readonly sink: CallSink,
  ) {}

  /** @param make makes the call with the sink that it gets */
  start(make: (sink: CallSink) => MadeCall | undefined): this {
    this.call = make(this);
    return this;
  }

  hasWaiting(): boolean {
    return this.unread > 0 || this.sink.hasWaiting?.() === true;
  }

  cancel(): void {
    this.isOver = true;
    this.call?.cancel();
  }

  consumed(bytes: number): void {
    this.call?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
    this.unread += 1;
    this.inOrder(() => this.read(value, bytes));
  }

  complete(): void {
    this.inOrder(() => this.end(() => this.sink.complete()));
  }

  error(error: unknown): void {
    this.inOrder(() => this.end(() => this.sink.error(error)));
  }

  private inOrder(task: () => Promise<void> | void): void {
    const work = this.reading === undefined ? task() : this.reading.then(task);
    if (work === undefined) return;
    this.reading = work;
    void work.then(() => {
      if (this.reading === work) this.reading = undefined;
    });
  }

  private read(value: unknown, bytes: number): Promise<void> | void {
    if (this.isOver) return undefined;
    try {
      const packet = deserializePacket(this.format, value);
      if (!(packet instanceof Promise)) return this.give(packet, bytes);
      return packet.then(
        (read) => this.give(read, bytes),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      return this.fail(error);
    }
  }

  /** Follows the rules of Nest's `ClientProxy`. */
  private give({ err, response, isDisposed }: Record<string, unknown>, bytes: number): void {
    this.unread -= 1;
    if (this.isOver) return;
    if (isTruthy(err)) {
      this.fail(err);
      return;
    }
    const isLast = isTruthy(isDisposed);
    if (response !== undefined || !isLast) this.sink.next(response, bytes);
    if (isLast) this.finish(() => this.sink.complete());
    else if (this.sink.isPaced !== true) this.call?.consumed(bytes);
  }

  /** The packet ends the call. The underlying call may still be open, so it is cancelled. */
  private finish(notify: () => void): void {
    this.end(() => {
      this.call?.cancel();
      notify();
    });
  }

  private fail(error: unknown): void {
    this.finish(() => this.sink.error(error));
  }

  private end(notify: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    notify();
  }
}

/** Nest tests these fields for truthiness, and a packet may contain any value. */
function isTruthy(value: unknown): boolean {
  return Boolean(value);
}
