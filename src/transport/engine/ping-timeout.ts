import type { Socket as ServerSocket } from 'engine.io';
import type { Manager } from 'socket.io-client';
import { afterReads } from '../../clock.js';

/** Called by Engine.IO when it closes a connection. */
type OnClose = (reason: string, ...details: unknown[]) => void;

/** Members of Engine.IO's server socket that its types do not have. */
interface ServerParts {
  onClose: OnClose;
  sendPacket: (type: 'ping') => void;
  resetPingTimeout: () => void;
}

/** The same for Engine.IO's client socket. */
interface ClientParts {
  _onClose: OnClose;
  /** 0 after a send has found that this time is over. */
  readonly _pingTimeoutTime: number;
  _resetPingTimeout: () => void;
}

/** The listener methods that both sockets have. */
interface PacketSource {
  on(event: 'packet', listener: () => void): unknown;
  off(event: 'packet', listener: () => void): unknown;
}

/**
 * Lets a server that was busy read the packets of its clients before it closes their connections. Engine.IO's timers fire
 * before that read, for all clients at once.
 */
export function readBeforeClientTimesOut(socket: ServerSocket): void {
  const parts = socket as unknown as ServerParts;
  const close: OnClose = parts.onClose.bind(socket);
  const goOn = (): void => {
    // The client has waited since the last ping, and would close the connection before the next one.
    parts.sendPacket('ping');
    parts.resetPingTimeout();
  };
  parts.onClose = (reason, ...details) => {
    if (reason === 'ping timeout') lookAgain(socket, () => close(reason, ...details), goOn);
    else close(reason, ...details);
  };
}

/** The same for a client and the pings of its server. */
export function readBeforeServerTimesOut(socket: Manager['engine']): void {
  const parts = socket as unknown as ClientParts;
  const close: OnClose = parts._onClose.bind(socket);
  const goOn = (): void => parts._resetPingTimeout();
  parts._onClose = (reason, ...details) => {
    // If a send has found it, the message is not sent yet, and goes over the next connection.
    const mayWait = reason === 'ping timeout' && parts._pingTimeoutTime !== 0;
    if (mayWait) lookAgain(socket, () => close(reason, ...details), goOn);
    else close(reason, ...details);
  };
}

function lookAgain(socket: PacketSource, close: () => void, goOn: () => void): void {
  let isAlive = false;
  const onPacket = (): void => {
    isAlive = true;
  };
  socket.on('packet', onPacket);
  afterReads(() => {
    socket.off('packet', onPacket);
    if (isAlive) goOn();
    else close();
  });
}
