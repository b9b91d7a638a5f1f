import { Decoder as DefaultDecoder, Encoder, PacketType } from 'socket.io-parser';

/**
 * One for each connection, which Socket.IO makes. A bare binary message is a chunk: in Socket.IO's own encoding, binary
 * messages are attachments, which follow the packet that announces them.
 */
export class N2NDecoder extends DefaultDecoder {
  /** Takes the chunks of the connection; undefined where they are a fault, as to a stock client. */
  takeChunk: ((chunk: Buffer) => void) | undefined = undefined;
  /** Attachments of a packet under way that are still to come; a bare binary message is a chunk only outside one. */
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

/** The count that stands before the first dash of a packet with attachments; `super.add` has validated it. */
function attachmentsOf(message: string): number {
  const type = message.charCodeAt(0) - 48;
  if (!WITH_ATTACHMENTS.has(type)) return 0;
  return Number(message.slice(1, message.indexOf('-')));
}

/** For Socket.IO's `parser` option, on servers and clients. */
export const n2nParser = { Encoder, Decoder: N2NDecoder };
