import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { N2NError } from '../../n2n-error.js';
import { CLOSE_GRACE_MS } from '../../limits.js';
import { releaseMemory } from './release-memory.js';
import { framePacket, PacketReader, type Packet } from './packet-framing.js';

export interface PacketStreamEvents {
  onPacket(packet: Packet): void;
  /** More can be written, after `write` returned false. */
  onDrain(): void;
  /** The stream cannot be read or written any further. `onClose` follows. */
  onError(error: Error): void;
  /** The stream is closed. Called once. */
  onClose(): void;
}

/**
 * Engine.IO packets over a raw byte stream, for both halves of a stream transport.
 *
 * After `close`, written packets are sent, and then the stream ends. The other side has `CLOSE_GRACE_MS` to end its half. The
 * `error` listener stays on the stream, so that a reset after the end cannot throw.
 */
export class PacketStream {
  private readonly reader: PacketReader;
  private closing = false;

  constructor(
    private readonly stream: Duplex,
    maxBytes: number,
    private readonly events: PacketStreamEvents,
  ) {
    this.reader = new PacketReader(maxBytes, (packet) => {
      if (!this.closing) this.events.onPacket(packet);
    });
    if (stream instanceof Socket) {
      stream.setTimeout(0);
      stream.setNoDelay(true);
    }
    stream.on('data', (bytes: Buffer) => this.onBytes(bytes));
    stream.on('drain', () => this.events.onDrain());
    stream.on('error', (error: Error) => {
      if (!this.closing) this.events.onError(error);
    });
    // The other side closes by ending its half. This side must end its half, too, because HTTP sockets stay half-open.
    stream.once('end', () => this.close());
    stream.once('close', () => this.events.onClose());
  }

  /**
   * Whether nobody else has the bytes of a read. Each read of a Node socket has its own memory, which all listeners share. For
   * other kinds of streams this is unknown.
   */
  get ownsReads(): boolean {
    return this.stream instanceof Socket && this.stream.listenerCount('data') === 1;
  }

  /**
   * Writes a message if the stream does not have to buffer it.
   * @returns false if nothing was written, because the caller must wait for the stream to drain
   */
  writeAtOnce(pieces: readonly Buffer[]): boolean {
    const { stream } = this;
    let length = stream.writableLength;
    for (const piece of pieces) length += piece.length;
    if (this.closing || stream.writableNeedDrain || length >= stream.writableHighWaterMark) return false;
    this.write([{ type: 'message', data: pieces }]);
    return true;
  }

  /**
   * Writes packets in one gathered write. A packet that cannot be written ends the stream: its sender can no longer get an
   * error, and without the packet the other side would misread the following ones.
   * @returns false if the stream buffers more than it can send; `onDrain` follows
   */
  write(packets: readonly Packet[]): boolean {
    const buffers: Buffer[] = [];
    const { stream } = this;
    try {
      for (const packet of packets) framePacket(packet, buffers);
    } catch (error) {
      this.fail(N2NError.from(error, 'PROTOCOL_ERROR', 'A packet cannot be written'));
      return false;
    }
    // A chunk of frames is one buffer, and needs no cork.
    if (buffers.length === 1) return stream.write(buffers[0]);
    let writable = true;
    stream.cork();
    for (const buffer of buffers) writable = stream.write(buffer);
    stream.uncork();
    return writable;
  }

  close(): void {
    if (this.closing) return;
    this.closing = true;
    const { stream } = this;
    if (stream.destroyed) return;
    const grace = setTimeout(() => stream.destroy(), CLOSE_GRACE_MS);
    stream.once('close', () => clearTimeout(grace));
    stream.end();
    // An ended stream closes only after all received data is read.
    stream.resume();
  }

  private onBytes(bytes: Buffer): void {
    if (this.closing) return;
    try {
      if (this.reader.read(bytes) && this.ownsReads) releaseMemory(bytes);
    } catch (error) {
      this.fail(N2NError.from(error, 'PROTOCOL_ERROR', 'The stream cannot be read'));
    }
  }

  private fail(error: N2NError): void {
    if (this.closing) return;
    this.events.onError(error);
    this.closing = true;
    this.stream.destroy();
  }
}
