import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { Transport } from 'engine.io';
import { PacketStream } from './packet-stream.js';

type EnginePackets = Parameters<Transport['send']>[0];

/** A request as Engine.IO's server prepares it: with its query parsed. */
export type EngineRequest = IncomingMessage & { _query: Record<string, string> };

/**
 * The server's half of a transport that carries Engine.IO packets over a raw stream: the base class of `nodeTransport`
 * and of transports that users add. A subclass has a constructor of the same shape, and a `name`.
 */
export abstract class StreamServerTransport extends Transport {
  private readonly packets: PacketStream;
  private flushScheduled = false;

  /**
   * @param request what opened the connection: Socket.IO reads its headers, query and address
   * @param stream the connection, which belongs to the transport from now on
   * @param maxBytes the longest packet taken, in bytes
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

  /** Whether nobody below has what was read. */
  get ownsReads(): boolean {
    return this.packets.ownsReads;
  }

  /**
   * Sends a message at once, where `send` lets the packets of a turn gather: it has been gathered already.
   * @returns false, and nothing is sent, when Engine.IO has to know when it has left
   */
  sendNow(pieces: readonly Buffer[]): boolean {
    // A subclass may do something to what it sends.
    return this.send === StreamServerTransport.prototype.send && this.packets.writeAtOnce(pieces);
  }

  doClose(done?: () => void): void {
    this.packets.close();
    done?.();
  }

  protected override onClose(): void {
    if (this.readyState !== 'closed') super.onClose();
  }

  /** Until the turn ends, further packets gather in Engine.IO's buffer and leave as one write. */
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
