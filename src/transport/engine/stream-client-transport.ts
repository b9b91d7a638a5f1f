import type { Duplex } from 'node:stream';
import { Transport } from 'engine.io-client';
import { messageOf } from '../../n2n-error.js';
import type { Packet } from './packet-framing.js';
import { PacketStream } from './packet-stream.js';

type EnginePacket = Parameters<Transport['onPacket']>[0];

/** The outcome of opening a stream, told once; what comes after `abort` is ignored. */
export interface StreamOpening {
  onOpen(stream: Duplex): void;
  onError(reason: string, cause?: unknown): void;
}

/**
 * The client's half of a transport that carries Engine.IO packets over a raw stream: the base class of `nodeTransport`
 * and of transports that users add. A subclass says how its stream is opened, and has a `name` on its prototype, which
 * is where Engine.IO looks for it.
 */
export abstract class StreamClientTransport extends Transport {
  private link: { opening: () => void } | { packets: PacketStream } | undefined;

  /**
   * Opens the stream.
   * @returns what gives up the attempt, after which `opening` is not called any more
   */
  protected abstract openStream(opening: StreamOpening): () => void;

  /** The longest packet taken from the server, in bytes. */
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
    // Engine.IO counts the packets of this write only after `write` has returned, so the end of the turn is the
    // earliest that `drain` may be told; until then further packets gather, and leave as one write.
    if (link.packets.write(packets)) process.nextTick(() => this.becomeWritable());
  }

  /** Whether nobody below has what was read. */
  get ownsReads(): boolean {
    const { link } = this;
    return link !== undefined && 'packets' in link && link.packets.ownsReads;
  }

  /**
   * Sends a message at once, where `send` lets the packets of a turn gather: it has been gathered already.
   * @returns false, and nothing is sent, when Engine.IO has to know when it has left
   */
  sendNow(pieces: readonly Buffer[]): boolean {
    const { link } = this;
    if (link === undefined || 'opening' in link) return false;
    // A subclass may do something to what it sends.
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
        // A Manager that is connecting listens for errors alone: at a mere close it would wait for its timeout.
        if (handshaken) this.onClose({ description: 'the stream was closed' });
        else this.onError('the server closed the stream before the handshake', undefined);
      },
    });
    this.link = { packets };
    this.onOpen();
  }

  /** Engine.IO's `binaryType` may be set at any time, and holds for what comes from then on. */
  private inBinaryType(packet: Packet): Packet {
    const { data } = packet;
    if (typeof data === 'string' || this.socket.binaryType !== 'arraybuffer' || !Buffer.isBuffer(data)) {
      return packet;
    }
    // Its memory may hold more than this packet.
    const copy = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    return { ...packet, data: copy };
  }

  private becomeWritable(): void {
    if (this.readyState === 'closed') return;
    this.writable = true;
    this.emitReserved('drain');
  }
}
