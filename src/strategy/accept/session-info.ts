import type { SessionInfo } from '../../diagnostics.js';
import { remoteAddressOf, type SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

/** Identifies in diagnostics a session that begins over this connection, or the connection of a stock client. */
export function sessionInfoOf(socket: SocketIoSocket, window = 0): SessionInfo {
  const { id } = socket;
  return { id, role: 'acceptor', connection: id, address: remoteAddressOf(socket), window };
}
