import { Manager, type ManagerOptions, type Socket } from 'socket.io-client';
import { connectionClose, connectionOpen, type ConnectionOpenMessage } from '../../diagnostics.js';
import { CLOSE_GRACE_MS, MAX_HELD_MESSAGES } from '../../limits.js';
import { createConnectionAgent, type ConnectionAgent } from './connection-agent.js';
import { readBeforeServerTimesOut } from '../engine/ping-timeout.js';
import { refusal, transportFailure, type DialFailure } from './dial-failure.js';
import { addressLabel } from './server-address.js';
import type {
  AuthData,
  NamedTransport,
  ResolvedNodeClientOptions,
} from '../node-client/node-client-options.js';

/** The events of a connected dial. */
interface DialEvents {
  /** Called at most once. @param reason Socket.IO's reason @param cause the details that Socket.IO gives with it */
  onLost(reason: string, cause: unknown): void;
  onMessage(messageArguments: unknown[]): void;
  /** Called for every packet of the server, including Engine.IO's pings. */
  onSignOfLife(): void;
}

/** The server pings every `pingInterval`, and closes the connection if there is no pong within `pingTimeout`. */
export interface AnnouncedHeartbeat {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/** Socket.IO's reason for a connection that this side closes. */
const CLOSED_HERE = 'io client disconnect';

/**
 * One connection over one transport: a Socket.IO Manager and its socket. It is used once, so that a new connection never gets
 * events of an old one. It does not reconnect or fall back, and has no timers except those of Engine.IO.
 *
 * Messages and the loss of the connection are held until `listen`. After `close` or `sever` nothing is reported. Other
 * listeners on `socket` stay, and get Socket.IO's `disconnect`.
 */
export class Dial {
  readonly socket: Socket;
  /** The heartbeat that the server announced, in milliseconds. 0 before that. */
  announced: AnnouncedHeartbeat = { pingInterval: 0, pingTimeout: 0 };

  /** The id of the connection. The socket has no id any more when it reports a loss. */
  private id = '';
  private readonly manager: Manager;
  private readonly network: ConnectionAgent;
  private phase: 'dialing' | 'open' | 'connected' | 'closing' | 'over' = 'dialing';
  private events: DialEvents | undefined;
  /** The events before `listen`: those of one read, or those that the server sends before the end of the handshake. */
  private held: ((events: DialEvents) => void)[] = [];
  private settle: (failure: DialFailure | undefined) => void = () => {};

  constructor(
    readonly transport: NamedTransport,
    private readonly options: ResolvedNodeClientOptions,
    auth: AuthData,
  ) {
    this.network = createConnectionAgent(options.address, options.tls);
    this.manager = new Manager(managerOptions(transport, options, this.network));
    this.socket = this.manager.socket('/', { auth });
  }

  /** Starts to connect. @returns the failure; undefined if it has connected */
  open(): Promise<DialFailure | undefined> {
    const outcome = new Promise<DialFailure | undefined>((resolve) => {
      this.settle = resolve;
    });
    // These are added before `connect`, so that they get the errors of the Manager before its socket does.
    this.manager.on('error', this.onManagerError);
    this.manager.on('open', this.onManagerOpen);
    this.socket.on('connect', this.onSocketConnect);
    this.socket.on('connect_error', this.onSocketRefused);
    this.socket.on('disconnect', this.onSocketDisconnect);
    this.socket.on('message', this.onSocketMessage);
    this.socket.connect();
    const { engine } = this.manager;
    readBeforeServerTimesOut(engine);
    engine.on('packet', this.onEnginePacket);
    engine.on('handshake', this.onEngineHandshake);
    engine.on('close', this.onEngineClose);
    return outcome;
  }

  /** Reports the held events, and all further ones. Called once. */
  listen(events: DialEvents): void {
    this.events = events;
    for (const tell of this.held.splice(0)) tell(events);
  }

  /** Closes the connection after all written messages are sent. */
  close(): void {
    // It is already closing.
    if (this.phase === 'closing') return;
    if (this.phase !== 'connected') {
      this.sever();
      return;
    }
    this.detach();
    this.phase = 'closing';
    const { clock } = this.options;
    const { engine } = this.manager;
    const grace = clock.setTimeout(() => this.sever(), CLOSE_GRACE_MS);
    grace.unref?.();
    const { sockets } = this.network;
    const forget = (): void => {
      if (sockets.size === 0) clock.clearTimeout(grace);
    };
    // This side reads until the server closes its half, too. A closed socket would answer further data with a reset, and the
    // reset would discard data that the server has not read yet.
    for (const socket of sockets) socket.once('close', forget);
    forget();
    // The engine closes before the socket disconnects, so that the socket cannot send its disconnect packet. Socket.IO's server
    // ignores messages that it reads together with that packet, and would lose the last ones.
    engine.close();
    this.socket.disconnect();
  }

  /** Closes the connection immediately, and drops messages that wait. Allowed in every phase. */
  sever(reason?: string, cause?: unknown): void {
    this.detach(reason, cause);
    this.manager.engine?.transport?.close();
    for (const socket of this.network.sockets) socket.destroy();
    // Nothing can be sent any more. This only removes Socket.IO's own listeners.
    this.socket.disconnect();
  }

  private get info(): ConnectionOpenMessage {
    const { id, options, transport } = this;
    const address = addressLabel(options.address);
    return { id, role: 'dialer', address, transport: transport.name };
  }

  private detach(reason = CLOSED_HERE, cause?: unknown): void {
    if (this.phase === 'connected' && connectionClose.hasSubscribers)
      connectionClose.publish({ ...this.info, reason, cause });
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

  /** Makes the attempt fail, unless it has ended. */
  fail(failure: DialFailure): void {
    if (this.phase === 'closing' || this.phase === 'over') return;
    this.sever();
    this.settle(failure);
  }

  private report(tell: (events: DialEvents) => void): void {
    if (this.events !== undefined) tell(this.events);
    else if (this.held.length < MAX_HELD_MESSAGES) this.held.push(tell);
    else this.fail(transportFailure('the server sent too many messages before the handshake ended'));
  }

  private readonly onManagerOpen = (): void => {
    if (this.phase === 'dialing') this.phase = 'open';
  };

  private readonly onManagerError = (error: unknown): void => {
    // Once connected, `disconnect` follows with the same error.
    if (this.phase !== 'connected') this.fail(transportFailure(error));
  };

  /** The Manager ignores a transport that closes before it is open, and would wait forever. */
  private readonly onEngineClose = (reason: string): void => {
    if (this.phase === 'dialing') this.fail(transportFailure(`closed before the handshake (${reason})`));
  };

  private readonly onEnginePacket = (): void => this.events?.onSignOfLife();

  private readonly onEngineHandshake = ({ pingInterval, pingTimeout }: AnnouncedHeartbeat): void => {
    this.announced = { pingInterval, pingTimeout };
  };

  private readonly onSocketConnect = (): void => {
    this.phase = 'connected';
    this.id = this.socket.id ?? '';
    if (connectionOpen.hasSubscribers) connectionOpen.publish(this.info);
    this.settle(undefined);
  };

  private readonly onSocketRefused = (error: Error): void => this.fail(refusal(error));

  private readonly onSocketDisconnect = (reason: string, description?: unknown): void => {
    if (this.phase === 'over') return;
    if (this.phase !== 'connected') {
      this.fail(transportFailure(`closed before the server answered the handshake (${reason})`));
      return;
    }
    // This side closed it: written messages are still sent.
    if (reason === 'forced close') this.close();
    else this.sever(reason, description);
    this.report((events) => events.onLost(reason, description));
  };

  private readonly onSocketMessage = (...messageArguments: unknown[]): void =>
    this.report((events) => events.onMessage(messageArguments));
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
    query: options.query,
    agent: network.agent,
    transports: [transport.implementation],
    upgrade: false,
    autoConnect: false,
    reconnection: false,
    timeout: false,
    // Between the processes of one service, compression costs more than it saves, and delays messages.
    perMessageDeflate: false,
  };
  // The types are made for browsers: they have no agents, lists of certificates, or socket paths.
  return Object.assign<Partial<ManagerOptions>, object>({}, settings);
}
