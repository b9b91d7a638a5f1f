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

/** What happens once it has connected. */
interface DialEvents {
  /** Told at most once. @param reason as Socket.IO gives it; `cause` is what it gives with it */
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

/** The reason of a connection that this side closes, as Socket.IO has it. */
const CLOSED_HERE = 'io client disconnect';

/**
 * One try at one transport: a Socket.IO Manager and its socket, used once and never for another try, so that nothing
 * of an old connection can be mistaken for the new one. It makes no attempt of its own to reconnect or to fall back,
 * and has no timers but Engine.IO's.
 *
 * Messages and the loss of the connection wait for `listen`. After `close` or `sever` nothing is reported. Listeners that others have put on `socket` stay, and are told
 * `disconnect` by Socket.IO.
 */
export class Dial {
  readonly socket: Socket;
  /** What the server announced about its heartbeat, in milliseconds; all 0 before it has. */
  announced: AnnouncedHeartbeat = { pingInterval: 0, pingTimeout: 0 };

  /** The id of the connection. The socket has none any more when it tells that it is lost. */
  private id = '';
  private readonly manager: Manager;
  private readonly network: ConnectionAgent;
  private phase: 'dialing' | 'open' | 'connected' | 'closing' | 'over' = 'dialing';
  private events: DialEvents | undefined;
  /** What happened before anyone listened. It is as much as one read holds, or the server says before the handshake ends. */
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

  /** Starts. @returns why it failed; undefined when it has connected */
  open(): Promise<DialFailure | undefined> {
    const outcome = new Promise<DialFailure | undefined>((resolve) => {
      this.settle = resolve;
    });
    // Before `connect`, so that the Manager's errors are read here first, and its socket's are the server's answers.
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

  /** Tells what has happened since it connected, and what happens from now on. Called once. */
  listen(events: DialEvents): void {
    this.events = events;
    for (const tell of this.held.splice(0)) tell(events);
  }

  /** Ends politely: what was sent leaves, and the server sees the connection close after it. */
  close(): void {
    // What was written is leaving already.
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
  sever(reason?: string, cause?: unknown): void {
    this.detach(reason, cause);
    this.manager.engine?.transport?.close();
    for (const socket of this.network.sockets) socket.destroy();
    // By now nothing can be sent; this only takes Socket.IO's own listeners off.
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

  /** Gives it up, unless it is over. */
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
    // After the connection is there, `disconnect` follows with the same error.
    if (this.phase !== 'connected') this.fail(transportFailure(error));
  };

  /** A transport that closes before it is open is no error to the Manager, which would wait for it for ever. */
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
    // Closed here: what was written leaves.
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
    // Between two processes of one service, compression costs more than it saves, and it delays what is sent.
    perMessageDeflate: false,
  };
  // The types are a browser's, without agents, lists of certificates, or paths of sockets.
  return Object.assign<Partial<ManagerOptions>, object>({}, settings);
}
