import type { SessionInfo } from '../../diagnostics.js';
import { remoteAddressOf, type SocketIoSocket } from '../../transport/socket-io/socket-io-server.js';

/** What a session that begins over this connection is called in diagnostics; or the connection itself, of a stock client. */
export function sessionInfoOf(socket: SocketIoSocket, window = 0): SessionInfo {
  const { id } = socket;
  return { id, role: 'acceptor', connection: id, address: remoteAddressOf(socket), window };
}
