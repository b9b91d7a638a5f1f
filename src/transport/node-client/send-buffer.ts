import { N2NError } from '../../n2n-error.js';

/** Messages that wait for a connection, in the order in which they were sent, up to a bound. */
export class SendBuffer {
  private messages: unknown[] = [];

  constructor(private readonly maxMessages: number) {}

  /** @throws N2NError `OVERLOADED` when the buffer is full; the message was not taken */
  push(message: unknown): void {
    if (this.messages.length >= this.maxMessages) {
      throw new N2NError(
        'OVERLOADED',
        `${this.maxMessages} messages wait for a connection already: send this one again once the client is connected, ` +
          'or raise "maxBuffered".',
        { details: { maxBuffered: this.maxMessages } },
      );
    }
    this.messages.push(message);
  }

  /** Gives the messages away, in order. */
  takeAll(): unknown[] {
    const taken = this.messages;
    this.messages = [];
    return taken;
  }
}
