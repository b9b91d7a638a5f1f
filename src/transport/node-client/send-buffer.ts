import { N2NError } from '../../n2n-error.js';

/** A bounded queue of messages that wait for a connection. */
export class SendBuffer {
  private messages: unknown[] = [];

  constructor(private readonly maxMessages: number) {}

  /** @throws N2NError `OVERLOADED` if the buffer is full. The message is not buffered then. */
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

  /** Returns the messages in order, and empties the buffer. */
  takeAll(): unknown[] {
    const taken = this.messages;
    this.messages = [];
    return taken;
  }
}
