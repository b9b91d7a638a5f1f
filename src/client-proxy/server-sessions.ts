import { N2NError } from '../n2n-error.js';
import type { Peer } from '../rpc/peer.js';
import type { Hello } from '../protocol/frames/hello.js';
import type { CallListener } from '../call/call-host.js';
import type { Caller } from '../call/caller.js';
import { refuseLink } from '../session/handshake.js';
import type { Link } from '../session/link.js';
import type { DialedSocket } from '../transport/socket-io/socket-io-server.js';
import { ClientSession, type Hosting } from './client-session.js';
import { sessionGivenUp, sessionUnknown, type GoneSession } from './session-gone.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';

/** About the session that there is; of former ones, nothing is told. */
export interface ServerSessionEvents {
  /** See `PeerEvents.onFault`. */
  onFault(error: unknown): void;
  /** The server takes no new calls. */
  onGoAway(): void;
  /** See `PeerEvents.onDrained`. */
  onDrained(retryAfter: number): void;
  /** It is over. @param retryAfter undefined where the server takes calls */
  onClosed(error: N2NError, retryAfter: number | undefined): void;
  /** A session, also a former one, has ended. @param count how many events and answers may not have arrived */
  onMessagesLost(count: number, error: N2NError): void;
}

/** The session with a server, which outlives its links, and gives way to another where the server no longer has it. */
export class ServerSessions {
  private session: ClientSession | undefined;
  private listener: CallListener | undefined;

  /**
   * @param address that of the server, as people write it
   * @param caller calls the server
   */
  constructor(
    private readonly address: string,
    private readonly caller: Caller,
    private readonly options: ResolvedN2NClientOptions,
    private readonly events: ServerSessionEvents,
  ) {}

  /** That of the session, with a link or on the way to its next one. */
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

  /** Who takes the calls of the server from now on; undefined for nobody. */
  hostCalls(listener: CallListener | undefined): void {
    this.listener = listener;
    this.session?.hostBy(this.hosting);
  }

  /**
   * HELLO was exchanged over a new link: the session goes on, or another begins.
   * @returns what the link is attached with
   * @throws N2NError `PROTOCOL_ERROR`
   */
  meet(link: Link, hello: Hello, socket: DialedSocket): () => void {
    const session =
      hello.received === undefined ? this.begin(hello, socket) : this.goOn(hello.received, socket);
    if (session === undefined) {
      const error = new N2NError('PROTOCOL_ERROR', 'The session cannot go on from where it shall.');
      refuseLink(link, error);
      throw error;
    }
    return () => session.attach(link, hello.ticket);
  }

  /** The attempts to come back were given up. @param cause why the last one has failed */
  giveUp(cause: N2NError): void {
    const { session } = this;
    session?.peer.close(sessionGivenUp(this.asGone(session), cause));
  }

  private asGone({ awayFor, window }: ClientSession): GoneSession {
    return { url: this.address, awayFor, window };
  }

  private get hosting(): Hosting {
    return { listener: this.listener, caller: this.caller };
  }

  /** The server goes on with the session. @returns undefined where it has received what it was not sent */
  private goOn(received: number, socket: DialedSocket): ClientSession | undefined {
    const { session } = this;
    if (session?.peer.canResumeFrom(received) !== true) {
      session?.peer.close(
        new N2NError('CONNECTION_LOST', 'The two sides do not agree on what was received.'),
      );
      return undefined;
    }
    session.moveTo(socket);
    return session;
  }

  /** A session begins. One that was to go on is gone. */
  private begin(hello: Hello, socket: DialedSocket): ClientSession {
    const former = this.session;
    this.session = undefined;
    former?.peer.close(sessionUnknown(this.asGone(former)));
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
