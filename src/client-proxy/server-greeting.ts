import { N2NError } from '../n2n-error.js';
import type { Hello } from '../protocol/frames/hello.js';
import { Handshake, sayHello, type HandshakeEvents } from '../session/handshake.js';
import type { Link } from '../session/link.js';
import type { ResolvedN2NClientOptions } from './n2n-client-options.js';

/** Says HELLO over a new link, and hears that of the server: only then is there a connection. */
export class ServerGreeting {
  private readonly handshake: Handshake;

  constructor(
    private readonly link: Link,
    private readonly url: string,
    private readonly options: ResolvedN2NClientOptions,
  ) {
    const { helloTimeout, clock, codec } = options;
    this.handshake = new Handshake(link, { codec: codec.name, timeout: helloTimeout, clock });
  }

  /** Called once. @param resume the session to go on with, if there is one */
  begin(resume: Hello['resume'], events: HandshakeEvents): void {
    const { maxPayload, codec, resumeWindow } = this.options;
    sayHello(this.link, { maxPayload, codec: codec.name, window: resumeWindow, resume });
    this.handshake.begin({
      onHello: (hello) => events.onHello(hello),
      onFailed: (error) => events.onFailed(this.asRefusal(error)),
    });
  }

  /** Ends it; nobody but the server is told. */
  cancel(error: N2NError): void {
    this.handshake.cancel(error);
  }

  private asRefusal(error: N2NError): N2NError {
    if (error.code !== 'CONNECTION_LOST') return error;
    const message = `Cannot connect to ${this.url}: the connection ended before HELLO. ${error.message}`;
    return new N2NError('CONNECT_FAILED', message, { cause: error });
  }
}
