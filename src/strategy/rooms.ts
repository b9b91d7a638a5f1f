import type { SocketIoSocket } from '../transport/socket-io/socket-io-server.js';
import type { ReportError } from './handlers/handler-error.js';

/**
 * The rooms of a client. In Socket.IO, a socket leaves its rooms when its connection is lost. These rooms are kept until
 * the client has another socket.
 */
export class Rooms {
  /** Set while the client is disconnected. */
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

  /** Moves to another socket, which joins the rooms of the client. */
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

  /** Excludes the socket's own room, which Socket.IO names after its id. */
  private roomsOfSocket(): Set<string> {
    const { id, rooms } = this.socket;
    const own = new Set(rooms);
    own.delete(id);
    return own;
  }
}
