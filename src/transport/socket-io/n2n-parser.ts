import { Decoder as DefaultDecoder, Encoder as DefaultEncoder, PacketType } from 'socket.io-parser';
import type { Packet } from 'socket.io-parser';

/** The Socket.IO event whose one argument is a chunk. */
export const CHUNK_EVENT = 'n2n';

/**
 * Socket.IO's encoding, with one exception: the event `n2n` with one Buffer, in the main namespace, is that Buffer as a
 * bare binary message. In the default encoding a bare binary message means nothing outside a packet with attachments,
 * so everything else, and every stock client, is as it was.
 */
class Encoder extends DefaultEncoder {
  override encode(packet: Packet): (string | Buffer)[] {
    const data = packet.data as unknown[] | undefined;
    if (
      packet.type === PacketType.EVENT &&
      packet.nsp === '/' &&
      packet.id === undefined &&
      data?.[0] === CHUNK_EVENT &&
      data.length === 2 &&
      Buffer.isBuffer(data[1])
    ) {
      return [data[1]];
    }
    return super.encode(packet);
  }
}

/** One for each connection, which Socket.IO makes. */
export class N2NDecoder extends DefaultDecoder {
  /** Takes the chunks of the connection, in place of the event; undefined for the event. */
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
    } else if (Buffer.isBuffer(message)) {
      if (this.takeChunk === undefined) this.emitChunk(message);
      else this.takeChunk(message);
    } else {
      super.add(message);
    }
  }

  private emitChunk(message: Buffer): void {
    this.emitReserved('decoded', { type: PacketType.EVENT, nsp: '/', data: [CHUNK_EVENT, message] });
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
