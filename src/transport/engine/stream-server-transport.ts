import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { Transport } from 'engine.io';
import { PacketStream } from './packet-stream.js';

type EnginePackets = Parameters<Transport['send']>[0];

/** A request as Engine.IO's server prepares it: with its query parsed. */
export type EngineRequest = IncomingMessage & { _query: Record<string, string> };

/**
 * The server's half of a transport for Engine.IO packets over a raw stream. It is the base class of `nodeTransport` and of
 * transports that users add. A subclass has the same constructor parameters, and a `name`.
 */
export abstract class StreamServerTransport extends Transport {
  private readonly packets: PacketStream;
  private flushScheduled = false;

  /**
   * @param request the request that opened the connection; Socket.IO reads its headers, query and address
   * @param stream the connection, which the transport owns from now on
   * @param maxBytes the longest packet that the server accepts, in bytes
   */
  constructor(request: EngineRequest, stream: Duplex, maxBytes: number) {
    super(request);
    this.supportsBinary = true;
    this.packets = new PacketStream(stream, maxBytes, {
      onPacket: (packet) => this.onPacket(packet as Parameters<Transport['onPacket']>[0]),
      onDrain: () => this.becomeWritable(),
      onError: (error) => this.onError(error.message, error),
      onClose: () => this.onClose(),
    });
    this.writable = true;
  }

  send(packets: EnginePackets): void {
    this.writable = false;
    if (this.packets.write(packets)) this.writableNextTick();
  }

  /** Whether nobody else has the bytes of a read. */
  get ownsReads(): boolean {
    return this.packets.ownsReads;
  }

  /**
   * Sends a message immediately. `send` would collect the packets of a turn, but a chunk is already collected.
   * @returns false if nothing was sent, because Engine.IO must know when the message has been sent
   */
  sendNow(pieces: readonly Buffer[]): boolean {
    // A subclass may override how messages are sent.
    return this.send === StreamServerTransport.prototype.send && this.packets.writeAtOnce(pieces);
  }

  doClose(done?: () => void): void {
    this.packets.close();
    done?.();
  }

  protected override onClose(): void {
    if (this.readyState !== 'closed') super.onClose();
  }

  /** Until the end of the turn, Engine.IO collects further packets in its buffer, and sends them in one write. */
  private writableNextTick(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    process.nextTick(() => {
      this.flushScheduled = false;
      this.becomeWritable();
    });
  }

  private becomeWritable(): void {
    this.writable = true;
    this.emit('drain');
    this.emit('ready');
  }
}
