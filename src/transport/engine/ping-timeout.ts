import type { Socket as ServerSocket } from 'engine.io';
import type { Manager } from 'socket.io-client';
import { afterReads } from '../../clock.js';

/** Called by Engine.IO when it closes a connection. */
type OnClose = (reason: string, ...details: unknown[]) => void;

/** The parts of Engine.IO's server socket that its types keep to themselves. */
interface ServerParts {
  onClose: OnClose;
  sendPacket: (type: 'ping') => void;
  resetPingTimeout: () => void;
}

/** The same of its client socket. */
interface ClientParts {
  _onClose: OnClose;
  /** 0 once it was found to have passed when something was to be sent. */
  readonly _pingTimeoutTime: number;
  _resetPingTimeout: () => void;
}

/** Either socket, as far as its packets are listened to. */
interface PacketSource {
  on(event: 'packet', listener: () => void): unknown;
  off(event: 'packet', listener: () => void): unknown;
}

/**
 * Has a server that was busy read what the client has sent meanwhile before it takes it for dead. Engine.IO's timer fires
 * before that, for every client at once.
 */
export function readBeforeClientTimesOut(socket: ServerSocket): void {
  const parts = socket as unknown as ServerParts;
  const close: OnClose = parts.onClose.bind(socket);
  const goOn = (): void => {
    // The client has waited since the last ping, and would give up before the next one is due.
    parts.sendPacket('ping');
    parts.resetPingTimeout();
  };
  parts.onClose = (reason, ...details) => {
    if (reason === 'ping timeout') lookAgain(socket, () => close(reason, ...details), goOn);
    else close(reason, ...details);
  };
}

/** The same of a client, and the pings of its server. */
export function readBeforeServerTimesOut(socket: Manager['engine']): void {
  const parts = socket as unknown as ClientParts;
  const close: OnClose = parts._onClose.bind(socket);
  const goOn = (): void => parts._resetPingTimeout();
  parts._onClose = (reason, ...details) => {
    // When it was found while sending, the message has not been sent, and goes over the next connection.
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
