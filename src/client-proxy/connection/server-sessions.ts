import { N2NError } from '../../n2n-error.js';
import type { Peer } from '../../rpc/peer.js';
import type { Hello } from '../../protocol/frames/hello.js';
import type { CallListener } from '../../call/call-host.js';
import type { Caller } from '../../call/caller.js';
import { refuseLink } from '../../session/handshake.js';
import type { Link } from '../../session/link.js';
import type { DialedSocket } from '../../transport/socket-io/socket-io-server.js';
import { ClientSession, type Hosting } from './client-session.js';
import { sessionGivenUp, sessionUnknown, type GoneSession } from './session-gone.js';
import type { ResolvedN2NClientOptions } from '../n2n-client-options.js';

/** The events of the session. `onMessagesLost` also reports former sessions. */
export interface ServerSessionEvents {
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
  /** The server takes no new calls. */
  onGoAway(): void;
  /** See `PeerEvents.onDrained`. */
  onDrained(retryAfter: number): void;
  /** The session has ended. @param retryAfter undefined unless the server drains */
  onClosed(error: N2NError, retryAfter: number | undefined): void;
  /** A session has ended. @param count the number of events and answers that may not have arrived */
  onMessagesLost(count: number, error: N2NError): void;
}

/** The session with a server. It outlives its links. A new session replaces it if the server no longer has it. */
export class ServerSessions {
  private session: ClientSession | undefined;
  private listener: CallListener | undefined;

  /**
   * @param address the address of the server, for messages
   * @param caller calls the server
   */
  constructor(
    private readonly address: string,
    private readonly caller: Caller,
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ServerSessionEvents,
  ) {}

  /** The peer of the session, with or without a link. */
  get peer(): Peer | undefined {
    return this.session?.peer;
  }

  /** See `ClientSession.resumeRequest`. */
  get resumeRequest(): Hello['resume'] {
    return this.session?.resumeRequest;
  }

  /** See `ClientSession.timeLeft`. */
  get timeLeft(): number {
    return this.session?.timeLeft ?? Infinity;
  }

  /** Whether handlers are hosted for the server. */
  get isHosting(): boolean {
    return this.listener !== undefined;
  }

  /** Sets the listener that takes the calls of the server; undefined for none. */
  hostCalls(listener: CallListener | undefined): void {
    this.listener = listener;
    this.session?.setHosting(this.hosting);
  }

  /**
   * Resumes the session after the exchange of HELLO, or begins a new one.
   * @returns attaches the link
   * @throws N2NError `PROTOCOL_ERROR`
   */
  establish(link: Link, hello: Hello, socket: DialedSocket): () => void {
    const session =
      hello.received === undefined ? this.begin(hello, socket) : this.resume(hello.received, socket);
    if (session === undefined) {
      const error = new N2NError(
        'PROTOCOL_ERROR',
        'The session cannot be resumed from the position that the server has sent.',
      );
      refuseLink(link, error);
      throw error;
    }
    return () => session.attach(link, hello.ticket);
  }

  /** Ends the session after the attempts to reconnect have failed. @param cause the error of the last attempt */
  giveUp(cause: N2NError): void {
    const { session } = this;
    session?.peer.close(sessionGivenUp(this.lossOf(session), cause));
  }

  private lossOf({ awayFor, window }: ClientSession): GoneSession {
    return { url: this.address, awayFor, window };
  }

  private get hosting(): Hosting {
    return { listener: this.listener, caller: this.caller };
  }

  /** Resumes the session. @returns undefined if the server acknowledges data that was never sent */
  private resume(received: number, socket: DialedSocket): ClientSession | undefined {
    const { session } = this;
    if (session?.peer.canResumeFrom(received) !== true) {
      session?.peer.close(new N2NError('CONNECTION_LOST', 'The two sides disagree about the received data.'));
      return undefined;
    }
    session.moveTo(socket);
    return session;
  }

  /** Begins a new session. The former one, if any, is lost. */
  private begin(hello: Hello, socket: DialedSocket): ClientSession {
    const former = this.session;
    this.session = undefined;
    former?.peer.close(sessionUnknown(this.lossOf(former)));
    const session: ClientSession = new ClientSession(
      this.address,
      socket,
      hello,
      this.options,
      this.hosting,
      {
        onFault: (error) => this.events.onFault(error),
        onGoAway: () => this.events.onGoAway(),
        onDrained: () => {
          if (this.session === session) this.events.onDrained(session.retryAfter ?? 0);
        },
        onClosed: (error, lost) => {
          if (lost > 0) this.events.onMessagesLost(lost, error);
          if (this.session !== session) return;
          this.session = undefined;
          this.events.onClosed(error, session.retryAfter);
        },
      },
    );
    this.session = session;
    return session;
  }
}
