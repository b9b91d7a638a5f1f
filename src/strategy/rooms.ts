import type { SocketIoSocket } from '../transport/socket-io-server.js';
import type { ReportError } from './handler-error.js';

/**
 * The rooms that a client is in. Socket.IO's are a socket's, which forgets them when its connection is lost; these are kept
 * until the client has another.
 */
export class Rooms {
  /** While the client is away. */
  private kept = new Set<string>();

  constructor(
    private socket: SocketIoSocket,
    private readonly report: ReportError,
  ) {
    this.watch();
  }

  join(room: string): Promise<void> | void {
    if (this.socket.connected) return this.socket.join(room);
    this.kept.add(room);
  }

  leave(room: string): Promise<void> | void {
    if (this.socket.connected) return this.socket.leave(room);
    this.kept.delete(room);
  }

  /** The client has come back over another connection: it is in its rooms again. */
  async moveTo(socket: SocketIoSocket): Promise<void> {
    if (this.socket.connected) this.keep();
    this.socket = socket;
    this.watch();
    const { kept } = this;
    this.kept = new Set();
    try {
      await socket.join([...kept]);
    } catch (error) {
      this.report(error);
    }
  }

  private watch(): void {
    const { socket } = this;
    socket.once('disconnecting', () => {
      if (socket === this.socket) this.keep();
    });
  }

  /** Each socket is in a room of its own, too, which is no room of the client. */
  private keep(): void {
    const { id, rooms } = this.socket;
    this.kept = new Set(rooms);
    this.kept.delete(id);
  }
}
