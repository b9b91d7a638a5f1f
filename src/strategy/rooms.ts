import type { SocketIoSocket } from '../transport/socket-io/socket-io-server.js';
import type { ReportError } from './handlers/handler-error.js';

/**
 * The rooms that a client is in. Socket.IO's are a socket's, which forgets them when its connection is lost; these are kept
 * until the client has another.
 */
export class Rooms {
  /** Undefined unless the client is away. */
  private kept: Set<string> | undefined;

  constructor(
    private socket: SocketIoSocket,
    private readonly report: ReportError,
  ) {
    this.watch();
  }

  join(room: string): Promise<void> | void {
    if (this.kept === undefined) return this.socket.join(room);
    this.kept.add(room);
  }

  leave(room: string): Promise<void> | void {
    if (this.kept === undefined) return this.socket.leave(room);
    this.kept.delete(room);
  }

  /** The client has come back over another connection: it is in its rooms again. */
  async moveTo(socket: SocketIoSocket): Promise<void> {
    const kept = this.kept ?? this.roomsOfSocket();
    this.socket = socket;
    this.kept = undefined;
    this.watch();
    try {
      await socket.join([...kept]);
    } catch (error) {
      this.report(error);
    }
  }

  private watch(): void {
    const { socket } = this;
    socket.once('disconnecting', () => {
      if (socket === this.socket) this.kept = this.roomsOfSocket();
    });
  }

  /** Each socket is in a room of its own, too, which is no room of the client. */
  private roomsOfSocket(): Set<string> {
    const { id, rooms } = this.socket;
    const own = new Set(rooms);
    own.delete(id);
    return own;
  }
}
