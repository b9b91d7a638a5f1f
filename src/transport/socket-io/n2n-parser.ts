import { Decoder as DefaultDecoder, Encoder, PacketType } from 'socket.io-parser';

/**
 * Socket.IO makes one decoder for each connection. A binary message that no packet announces is a chunk. In Socket.IO's own
 * encoding, binary messages are attachments, which follow the packet that announces them.
 */
export class N2NDecoder extends DefaultDecoder {
  /** Called with each chunk. Undefined if chunks are a protocol error, as from a stock client. */
  takeChunk: ((chunk: Buffer) => void) | undefined = undefined;
  /** The number of missing attachments of the current packet. A binary message is a chunk only if it is 0. */
  private attachmentsExpected = 0;

  override add(message: unknown): void {
    if (typeof message === 'string') {
      super.add(message);
      this.attachmentsExpected = attachmentsOf(message);
    } else if (this.attachmentsExpected > 0) {
      this.attachmentsExpected -= 1;
      super.add(message);
    } else if (this.takeChunk !== undefined && Buffer.isBuffer(message)) {
      this.takeChunk(message);
    } else {
      super.add(message);
    }
  }

  override destroy(): void {
    this.attachmentsExpected = 0;
    this.takeChunk = undefined;
    super.destroy();
  }
}

const WITH_ATTACHMENTS: ReadonlySet<number> = new Set([PacketType.BINARY_EVENT, PacketType.BINARY_ACK]);

/** The number before the first dash of a packet with attachments. `super.add` has validated it. */
function attachmentsOf(message: string): number {
  const type = message.charCodeAt(0) - 48;
  if (!WITH_ATTACHMENTS.has(type)) return 0;
  return Number(message.slice(1, message.indexOf('-')));
}

/** For Socket.IO's `parser` option, on servers and clients. */
export const n2nParser = { Encoder, Decoder: N2NDecoder };
