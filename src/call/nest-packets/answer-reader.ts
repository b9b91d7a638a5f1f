import type { CallSink } from '../../rpc/outgoing/outgoing-call.js';
import type { MadeCall } from '../caller.js';
import { deserializePacket, type PacketFormat } from './packet-format.js';

/** Reads the answers of a call that come as Nest's packets, in order, however long the deserializer takes for each. */
export class AnswerReader implements CallSink, MadeCall {
  /** What is not read yet is not taken: no more comes than the deserializer keeps up with. */
  readonly isPaced = true;
  private call: MadeCall | undefined = undefined;
  /** Settles when everything has been read that came; undefined where that is so already. */
  private reading: Promise<void> | undefined = undefined;
  private isOver = false;

  constructor(
    private readonly format: PacketFormat,
    private readonly sink: CallSink,
  ) {}

  /** @param make makes the call, with this as its sink */
  start(make: (sink: CallSink) => MadeCall | undefined): this {
    this.call = make(this);
    return this;
  }

  hasWaiting(): boolean {
    return this.reading !== undefined || this.sink.hasWaiting?.() === true;
  }

  cancel(): void {
    this.isOver = true;
    this.call?.cancel();
  }

  consumed(bytes: number): void {
    this.call?.consumed(bytes);
  }

  next(value: unknown, bytes: number): void {
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

  /** The rules of Nest's `ClientProxy`. */
  private give({ err, response, isDisposed }: Record<string, unknown>, bytes: number): void {
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

  /** The packet says that the call is over; what carried it may not have ended yet. */
  private finish(tell: () => void): void {
    this.end(() => {
      this.call?.cancel();
      tell();
    });
  }

  private fail(error: unknown): void {
    this.finish(() => this.sink.error(error));
  }

  private end(tell: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    tell();
  }
}

/** Packets come from anywhere, and Nest does not ask for a boolean. */
function isTruthy(value: unknown): boolean {
  return Boolean(value);
}
