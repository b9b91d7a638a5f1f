import { Manager, type ManagerOptions, type Socket } from 'socket.io-client';
import { createConnectionAgent, type ConnectionAgent } from './connection-agent.js';
import { refusal, transportFailure, type DialFailure } from './dial-failure.js';
import type {
  AuthData,
  NamedTransport,
  ResolvedNodeClientOptions,
} from '../node-client/node-client-options.js';

/** Exactly one of `onConnected` and `onFailed` is told; after `onConnected`, `onLost` at most once. */
export interface DialEvents {
  onConnected(): void;
  onFailed(failure: DialFailure): void;
  /** @param reason as Socket.IO gives it; `cause` is what it gives with it */
  onLost(reason: string, cause: unknown): void;
  onMessage(messageArguments: unknown[]): void;
  /** Any packet of the server, of Engine.IO's heartbeat too. */
  onSignOfLife(): void;
}

/** A server pings every `pingInterval`, and takes a client for dead that has not answered within `pingTimeout`. */
export interface AnnouncedHeartbeat {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/** How long what was sent before `close` may take to leave, in milliseconds, when the server does not read. */
const FAREWELL = 1000;

/**
 * One try at one transport: a Socket.IO Manager and its socket, used once and never for another try, so that nothing
 * of an old connection can be mistaken for the new one. It makes no attempt of its own to reconnect or to fall back,
 * and has no timers but Engine.IO's.
 *
 * After `close` or `sever` nothing is reported any more. Listeners that others have put on `socket` stay, and are told
 * `disconnect` by Socket.IO.
 */
export class Dial {
  readonly socket: Socket;
  /** What the server announced about its heartbeat, in milliseconds; all 0 before it has. */
  announced: AnnouncedHeartbeat = { pingInterval: 0, pingTimeout: 0 };

  private readonly manager: Manager;
  private readonly network: ConnectionAgent;
  private phase: 'dialing' | 'open' | 'connected' | 'over' = 'dialing';

  constructor(
    readonly transport: NamedTransport,
    private readonly options: ResolvedNodeClientOptions,
    auth: AuthData,
    private readonly events: DialEvents,
  ) {
    this.network = createConnectionAgent(options.address, options.tls);
    this.manager = new Manager(managerOptions(transport, options, this.network));
    this.socket = this.manager.socket('/', { auth });
  }

  /** Starts. Nothing is reported before this has returned. */
  open(): void {
    // Before `connect`, so that the Manager's errors are read here first, and its socket's are the server's answers.
    this.manager.on('error', this.onManagerError);
    this.manager.on('open', this.onManagerOpen);
    this.socket.on('connect', this.onSocketConnect);
    this.socket.on('connect_error', this.onSocketRefused);
    this.socket.on('disconnect', this.onSocketDisconnect);
    this.socket.on('message', this.onSocketMessage);
    this.socket.connect();
    const { engine } = this.manager;
    engine.on('packet', this.onEnginePacket);
    engine.on('handshake', this.onEngineHandshake);
    engine.on('close', this.onEngineClose);
  }

  /** Ends politely: what was sent leaves, and the server sees the connection close after it. */
  close(): void {
    if (this.phase !== 'connected') {
      this.sever();
      return;
    }
    this.detach();
    const { clock } = this.options;
    const { engine } = this.manager;
    const grace = clock.setTimeout(() => this.sever(), FAREWELL);
    grace.unref?.();
    const { sockets } = this.network;
    const forget = (): void => {
      if (sockets.size === 0) clock.clearTimeout(grace);
    };
    // They are read until the server ends them, too: to what it still sends, a closed one would answer with a reset, and
    // that takes from the server what it has not read yet.
    for (const socket of sockets) socket.once('close', forget);
    forget();
    // Before the socket disconnects, which then finds no way to send its own packet of farewell: Socket.IO's server
    // ignores messages that it reads together with that packet, and those would be the last ones before this call.
    engine.close();
    this.socket.disconnect();
  }

  /** Ends at once, whatever waits to be sent. Allowed at any time. */
  sever(): void {
    this.detach();
    this.manager.engine?.transport?.close();
    for (const socket of this.network.sockets) socket.destroy();
    // By now nothing can be sent; this only takes Socket.IO's own listeners off.
    this.socket.disconnect();
  }

  private detach(): void {
    this.phase = 'over';
    this.manager.off('error', this.onManagerError);
    this.manager.off('open', this.onManagerOpen);
    this.socket.off('connect', this.onSocketConnect);
    this.socket.off('connect_error', this.onSocketRefused);
    this.socket.off('disconnect', this.onSocketDisconnect);
    this.socket.off('message', this.onSocketMessage);
    this.manager.engine?.off('packet', this.onEnginePacket);
    this.manager.engine?.off('handshake', this.onEngineHandshake);
    this.manager.engine?.off('close', this.onEngineClose);
  }

  private fail(failure: DialFailure): void {
    if (this.phase === 'over') return;
    this.sever();
    this.events.onFailed(failure);
  }

  private readonly onManagerOpen = (): void => {
    if (this.phase === 'dialing') this.phase = 'open';
  };

  private readonly onManagerError = (error: unknown): void => {
    // After the connection is there, `disconnect` follows with the same error.
    if (this.phase !== 'connected') this.fail(transportFailure(error));
  };

  /** A transport that closes before it is open is no error to the Manager, which would wait for it for ever. */
  private readonly onEngineClose = (reason: string): void => {
    if (this.phase === 'dialing') this.fail(transportFailure(`closed before the handshake (${reason})`));
  };

  private readonly onEnginePacket = (): void => this.events.onSignOfLife();

  private readonly onEngineHandshake = ({ pingInterval, pingTimeout }: AnnouncedHeartbeat): void => {
    this.announced = { pingInterval, pingTimeout };
  };

  private readonly onSocketConnect = (): void => {
    this.phase = 'connected';
    this.events.onConnected();
  };

  private readonly onSocketRefused = (error: Error): void => this.fail(refusal(error));

  private readonly onSocketDisconnect = (reason: string, description?: unknown): void => {
    if (this.phase === 'over') return;
    if (this.phase !== 'connected') {
      this.fail(transportFailure(`closed before the server answered the handshake (${reason})`));
      return;
    }
    this.sever();
    this.events.onLost(reason, description);
  };

  private readonly onSocketMessage = (...messageArguments: unknown[]): void =>
    this.events.onMessage(messageArguments);
}

function managerOptions(
  transport: NamedTransport,
  options: ResolvedNodeClientOptions,
  network: ConnectionAgent,
): Partial<ManagerOptions> {
  const { address } = options;
  const target =
    address.kind === 'unix'
      ? { hostname: 'localhost', socketPath: address.socketPath }
      : { hostname: address.host, port: address.port };
  const settings = {
    ...options.tls,
    ...target,
    secure: address.secure,
    path: options.path,
    parser: options.parser,
    agent: network.agent,
    transports: [transport.implementation],
    upgrade: false,
    autoConnect: false,
    reconnection: false,
    timeout: false,
    // Between two processes of one service, compression costs more than it saves, and it delays what is sent.
    perMessageDeflate: false,
  };
  // The types are a browser's, without agents, lists of certificates, or paths of sockets.
  return Object.assign<Partial<ManagerOptions>, object>({}, settings);
}
