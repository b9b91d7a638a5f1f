import type { Clock, TimerHandle } from '../clock.js';
import { N2NError } from '../n2n-error.js';
import { readChunk, type FrameHandler } from '../protocol/frames/chunk-reader.js';
import { frameChunk } from '../protocol/frames/chunk-writer.js';
import { FrameType, SESSION_ID } from '../protocol/frames/frame.js';
import { readHello, writeHello, type Hello } from '../protocol/frames/hello.js';
import type { Link, LinkEvents } from './link.js';
import { readSessionError, sessionErrorChunk } from './session-error.js';

export interface HandshakeOptions {
  /** The name of this side's codec. The other side must have the same. */
  readonly codec: string;
  /** How long this side waits for the HELLO of the other side, in milliseconds. */
  readonly timeout: number;
  readonly clock: Clock;
}

/** Exactly one of the two is called, unless the handshake is cancelled. */
interface HandshakeEvents {
  /** The other side's HELLO has come. The callee opens the link before it returns, or refuses it. */
  onHello(hello: Hello): void;
  onFailed(error: N2NError): void;
}

type State =
  | { readonly is: 'unbegun' }
  | { readonly is: 'waiting'; readonly timer: TimerHandle; readonly events: HandshakeEvents }
  | { readonly is: 'over' };

/** Sends HELLO, alone in its chunk: it does not count as bytes of the session, and everything after it does. */
export function sayHello(link: Link, hello: Omit<Hello, 'version'>): void {
  link.write(frameChunk(FrameType.HELLO, 0, SESSION_ID, writeHello(hello)));
}

/** Tells the other side why there is no session, and closes the link. */
export function refuseLink(link: Link, error: N2NError): void {
  link.write(sessionErrorChunk(error));
  link.close(error.message);
}

/**
 * Waits for the other side's HELLO on a new link, which keeps what comes after it until the link is opened again.
 *
 * @throws N2NError that of the other side, `CONNECT_FAILED`, `CONNECTION_LOST`, `VERSION_MISMATCH`, `PROTOCOL_ERROR`, or
 * the reason of `signal`, which the other side is told
 */
export function receiveHello(link: Link, options: HandshakeOptions, signal: AbortSignal): Promise<Hello> {
  return new Promise((resolve, reject) => {
    const handshake = new Handshake(link, options);
    const settle = (tell: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      tell();
    };
    const onAbort = (): void => {
      const reason = signal.reason as N2NError;
      handshake.cancel(reason);
      settle(() => reject(reason));
    };
    signal.addEventListener('abort', onAbort);
    handshake.begin({
      onHello: (hello) => {
        link.detach();
        settle(() => resolve(hello));
      },
      onFailed: (error) => settle(() => reject(error)),
    });
  });
}

/** Waits for the other side's HELLO on a new link. The dialing side has sent its own HELLO before. */
export class Handshake implements LinkEvents, FrameHandler {
  private state: State = { is: 'unbegun' };

  constructor(
    private readonly link: Link,
    private readonly options: HandshakeOptions,
  ) {}

  /** Starts to wait. Called once. */
  begin(events: HandshakeEvents): void {
    const { clock, timeout } = this.options;
    const timer = clock.setTimeout(() => this.onTimeout(), timeout, 'wait-again');
    this.state = { is: 'waiting', events, timer };
    this.link.open(this);
  }

  /** Ends the handshake. Only the other side is told why. */
  cancel(error: N2NError): void {
    if (this.end() !== undefined) refuseLink(this.link, error);
  }

  onChunk(chunk: Buffer): void {
    try {
      readChunk(chunk, this);
    } catch (error) {
      this.refuse(N2NError.from(error, 'PROTOCOL_ERROR', 'HELLO cannot be read'));
    }
  }

  onWritable(): void {}

  onBroken(reason: string): void {
    this.end()?.onFailed(new N2NError('CONNECTION_LOST', `The connection was lost: ${reason}.`));
  }

  /** @internal Called by `readChunk`. */
  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if (this.state.is !== 'waiting') return;
    if (type === FrameType.ERROR && id === SESSION_ID) {
      const error = readSessionError(flags, chunk, from, to);
      this.end()?.onFailed(error);
      this.link.close('the other side ended the session');
      return;
    }
    if (type !== FrameType.HELLO || id !== SESSION_ID || to !== chunk.length) {
      throw new N2NError('PROTOCOL_ERROR', `A frame of type ${type} came where HELLO stands alone.`);
    }
    const hello = readHello(chunk, from, to);
    if (hello.codec !== this.options.codec) {
      throw new N2NError(
        'VERSION_MISMATCH',
        `One side has the codec "${this.options.codec}", the other "${hello.codec}". Set the same on both.`,
      );
    }
    this.end()?.onHello(hello);
  }

  private onTimeout(): void {
    const { timeout } = this.options;
    this.refuse(new N2NError('CONNECT_FAILED', `The other side did not say HELLO within ${timeout} ms.`));
  }

  private refuse(error: N2NError): void {
    const events = this.end();
    if (events === undefined) return;
    this.link.write(sessionErrorChunk(error));
    // Before the link closes and reports that: the real reason must come first.
    events.onFailed(error);
    this.link.close(error.message);
  }

  /** @returns the events, unless the handshake was over before */
  private end(): HandshakeEvents | undefined {
    const { state } = this;
    if (state.is !== 'waiting') return undefined;
    this.options.clock.clearTimeout(state.timer);
    this.state = { is: 'over' };
    return state.events;
  }
}
