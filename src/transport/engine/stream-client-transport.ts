import type { Duplex } from 'node:stream';
import { Transport } from 'engine.io-client';
import { messageOf } from '../../n2n-error.js';
import type { Packet } from './packet-framing.js';
import { PacketStream } from './packet-stream.js';

type EnginePacket = Parameters<Transport['onPacket']>[0];

/** The result of opening a stream. It is reported once, and ignored after `abort`. */
export interface StreamOpening {
  onOpen(stream: Duplex): void;
  onError(reason: string, cause?: unknown): void;
}

/**
 * The client's half of a transport for Engine.IO packets over a raw stream. It is the base class of `nodeTransport` and of
 * transports that users add. A subclass opens its stream. It has a `name` on its prototype, because Engine.IO reads it there.
 */
export abstract class StreamClientTransport extends Transport {
  private link: { opening: () => void } | { packets: PacketStream } | undefined;

  /**
   * Opens the stream.
   * @returns a function that cancels the attempt; `opening` is not called afterwards
   */
  protected abstract openStream(opening: StreamOpening): () => void;

  /** The longest packet that the client accepts, in bytes. */
  protected abstract get maxBytes(): number;

  protected doOpen(): void {
    const abort = this.openStream({
      onOpen: (stream) => this.onStream(stream),
      onError: (reason, cause) => {
        this.link = undefined;
        this.onError(reason, cause);
      },
    });
    this.link = { opening: abort };
  }

  protected doClose(): void {
    const { link } = this;
    this.link = undefined;
    if (link === undefined) return;
    if ('opening' in link) link.opening();
    else link.packets.close();
  }

  protected write(packets: EnginePacket[]): void {
    const { link } = this;
    if (link === undefined || 'opening' in link) return;
    this.writable = false;
    // Engine.IO counts the packets of this write only after `write` returns, so `drain` is emitted at the end of the turn at
    // the earliest. Further packets are collected until then, and sent in one write.
    if (link.packets.write(packets)) process.nextTick(() => this.becomeWritable());
  }

  /** Whether nobody else has the bytes of a read. */
  get ownsReads(): boolean {
    const { link } = this;
    return link !== undefined && 'packets' in link && link.packets.ownsReads;
  }

  /**
   * Sends a message immediately. `send` would collect the packets of a turn, but a chunk is already collected.
   * @returns false if nothing was sent, because Engine.IO must know when the message has been sent
   */
  sendNow(pieces: readonly Buffer[]): boolean {
    const { link } = this;
    if (link === undefined || 'opening' in link) return false;
    // A subclass may override how messages are sent.
    const isPlain =
      this.send === Transport.prototype.send && this.write === StreamClientTransport.prototype.write;
    return isPlain && link.packets.writeAtOnce(pieces);
  }

  private onStream(stream: Duplex): void {
    let handshaken = false;
    const packets = new PacketStream(stream, this.maxBytes, {
      onPacket: (packet) => {
        handshaken = true;
        this.onPacket(this.inBinaryType(packet) as EnginePacket);
      },
      onDrain: () => this.becomeWritable(),
      onError: (error) => this.onError(messageOf(error), error),
      onClose: () => {
        if (this.readyState === 'closed') return;
        // A Manager that is connecting listens only for errors. After `onClose` it would wait for its timeout.
        if (handshaken) this.onClose({ description: 'the stream was closed' });
        else this.onError('the server closed the stream before the handshake', undefined);
      },
    });
    this.link = { packets };
    this.onOpen();
  }

  /** Engine.IO's `binaryType` may be set at any time, and applies to later packets. */
  private inBinaryType(packet: Packet): Packet {
    const { data } = packet;
    if (typeof data === 'string' || this.socket.binaryType !== 'arraybuffer' || !Buffer.isBuffer(data)) {
      return packet;
    }
    // The memory may hold more than this packet.
    const copy = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    return { ...packet, data: copy };
  }

  private becomeWritable(): void {
    if (this.readyState === 'closed') return;
    this.writable = true;
    this.emitReserved('drain');
  }
}
