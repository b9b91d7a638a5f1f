import type { Clock, TimerHandle } from '../clock.js';
import { N2NError, isN2NErrorCode, type N2NErrorCode } from '../n2n-error.js';
import { readChunk, type FrameHandler } from '../protocol/chunk-reader.js';
import { ChunkWriter } from '../protocol/chunk-writer.js';
import { FLAG_SYSTEM, FrameType, SKIPPABLE, VALUE_FORM_MASK } from '../protocol/frame.js';
import { PROTOCOL_VERSION, readHello, writeHello } from '../protocol/hello.js';
import { decodeValue, encodeValue } from '../protocol/value.js';
import type { Link } from './link.js';

export interface SessionOptions {
  /** Which side this is: the one that dialled speaks first. */
  role: 'dialer' | 'acceptor';
  /** The longest value taken from the other side, in bytes. It is told in HELLO. */
  maxPayload: number;
  /** The name of the codec of values; the other side must have the same. */
  codec: string;
  /** How long the other side may take to say HELLO, in milliseconds. */
  helloTimeout: number;
  /** How many bytes may wait for a link that is full, before the other side is taken for one that does not read. */
  maxPending: number;
  clock: Clock;
  /** Runs a task after the current turn's work, before the loop waits again. */
  defer: (task: () => void) => void;
}

/** The peer, as its session sees it. */
export interface SessionEvents extends FrameHandler {
  /**
   * The link takes more, and nothing is written: what waits may write now.
   * @returns whether anything was written
   */
  onWritable(): boolean;
  /** Both sides have said HELLO: calls may be written. */
  onOpen(): void;
  /** The session is over, for this reason. Reported once. */
  onClosed(error: N2NError): void;
}

/**
 * unlinked ── open() ──> opening ── HELLO of the other side ──> open ──> closed
 *                           └──── timeout, broken link, protocol error ────┘
 */
type State =
  | { readonly is: 'unlinked' }
  | { readonly is: 'opening'; readonly link: Link; readonly timer: TimerHandle }
  | { readonly is: 'open'; readonly link: Link }
  | { readonly is: 'closed'; readonly error: N2NError };

/** The id that stands for the session itself, not for a call. */
const SESSION_ID = 0;

/**
 * One conversation of two peers over a link: HELLO on both sides, then frames, gathered into a chunk a turn.
 */
export class Session {
  private readonly writer: ChunkWriter;
  private state: State = { is: 'unlinked' };
  private flushScheduled = false;
  private blocked = false;
  private limit = Number.MAX_SAFE_INTEGER;
  private readAt: number;

  constructor(
    private readonly events: SessionEvents,
    private readonly options: SessionOptions,
  ) {
    this.writer = new ChunkWriter(this.limit);
    this.readAt = options.clock.now();
  }

  /** Begins the conversation. Called once. */
  open(link: Link): void {
    const { clock, helloTimeout, role } = this.options;
    const timer = clock.setTimeout(() => this.onHelloTimeout(), helloTimeout);
    this.state = { is: 'opening', link, timer };
    // The side that dialled speaks first; its words wait for the link to be open.
    if (role === 'dialer') this.sayHello();
    link.open({
      onChunk: (chunk) => this.onChunk(chunk),
      onDrained: () => this.onDrained(),
      onBroken: (reason) => this.end(new N2NError('CONNECTION_LOST', `The connection was lost: ${reason}.`)),
    });
    this.flushSoon();
  }

  /** The longest value that the other side takes, in bytes. */
  get maxPayload(): number {
    return this.limit;
  }

  /** When the chunk that is being read came, by the session's clock. */
  get chunkTime(): number {
    return this.readAt;
  }

  get isOpen(): boolean {
    return this.state.is === 'open';
  }

  /**
   * Where frames are written. Whoever writes calls `flushSoon` after it.
   * @throws N2NError `OVERLOADED` when as many bytes wait for the link as may wait
   */
  writerForCall(): ChunkWriter {
    if (this.state.is === 'closed') throw this.state.error;
    if (this.writer.pendingBytes > this.options.maxPending) {
      throw new N2NError('OVERLOADED', 'The other side does not take what is sent; try again when it does.', {
        details: { pendingBytes: this.writer.pendingBytes, maxPending: this.options.maxPending },
      });
    }
    return this.writer;
  }

  /**
   * Where replies are written. A reply cannot be refused as a call can: an other side that goes on asking and does not
   * read ends its session.
   */
  writerForReply(): ChunkWriter {
    if (this.writer.pendingBytes > this.options.maxPending) {
      this.close(new N2NError('OVERLOADED', 'The other side asks and does not read the answers.'));
    }
    return this.writer;
  }

  /** Sends a chunk of whole frames that was written elsewhere. Only for `onWritable`. */
  writeChunk(chunk: Buffer): void {
    if (this.state.is === 'open') this.blocked = !this.state.link.write(chunk);
  }

  /** Sends what is written when the turn's work is done. */
  flushSoon(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    this.options.defer(this.flush);
  }

  /** Tells the other side why, lets what is written leave, and ends. */
  close(error: N2NError): void {
    const { state } = this;
    if (state.is !== 'opening' && state.is !== 'open') return;
    if (!this.blocked) {
      const { code, message } = error;
      this.writer.limitPayload(Number.MAX_SAFE_INTEGER);
      this.writer.writeValue(FrameType.ERROR, FLAG_SYSTEM, SESSION_ID, encodeValue({ code, message }));
      this.flush();
    }
    this.end(error);
    state.link.close(error.message);
  }

  private readonly flush = (): void => {
    this.flushScheduled = false;
    while (!this.blocked && (this.state.is === 'opening' || this.state.is === 'open')) {
      const chunk = this.writer.take();
      if (chunk !== undefined) this.blocked = !this.state.link.write(chunk);
      else if (this.state.is === 'opening' || !this.events.onWritable()) return;
    }
  };

  private onDrained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.flush();
  }

  private onChunk(chunk: Buffer): void {
    this.readAt = this.options.clock.now();
    try {
      readChunk(chunk, this);
    } catch (error) {
      this.close(N2NError.from(error, 'PROTOCOL_ERROR', 'A chunk cannot be read'));
    }
  }

  /** @internal Called by `readChunk` for each frame. */
  onFrame(type: number, flags: number, id: number, chunk: Buffer, from: number, to: number): void {
    if (this.state.is === 'open' && id !== SESSION_ID) {
      this.events.onFrame(type, flags, id, chunk, from, to);
    } else if (type === FrameType.ERROR && id === SESSION_ID) {
      this.onSessionError(decodeValue(flags & VALUE_FORM_MASK, chunk, from, to));
    } else if (this.state.is === 'opening' && type === FrameType.HELLO && id === SESSION_ID) {
      this.onHello(chunk, from, to);
    } else if (this.state.is !== 'closed' && type < SKIPPABLE) {
      throw new N2NError('PROTOCOL_ERROR', `A frame of type ${type} came where none may stand.`);
    }
  }

  private onHello(chunk: Buffer, from: number, to: number): void {
    const hello = readHello(chunk, from, to);
    const { state } = this;
    if (state.is !== 'opening') return;
    this.options.clock.clearTimeout(state.timer);
    if (this.options.role === 'acceptor') this.sayHello();
    if (hello.codec !== this.options.codec) {
      throw new N2NError(
        'VERSION_MISMATCH',
        `The other side has the codec "${hello.codec}", this one "${this.options.codec}". Set the same on both.`,
      );
    }
    this.limit = hello.maxPayload;
    this.writer.limitPayload(hello.maxPayload);
    this.state = { is: 'open', link: state.link };
    this.events.onOpen();
  }

  private sayHello(): void {
    const hello = writeHello({
      version: PROTOCOL_VERSION,
      maxPayload: this.options.maxPayload,
      codec: this.options.codec,
    });
    this.writer.writeValue(FrameType.HELLO, 0, SESSION_ID, hello);
    this.flushSoon();
  }

  private onHelloTimeout(): void {
    const { helloTimeout } = this.options;
    this.close(new N2NError('CONNECT_FAILED', `The other side did not say HELLO within ${helloTimeout} ms.`));
  }

  /** The other side ended the session, and said why. */
  private onSessionError(said: unknown): void {
    const { code, message } = (said ?? {}) as { code?: unknown; message?: unknown };
    const { state } = this;
    this.end(new N2NError(codeHere(code), `The other side says: ${String(message)}`));
    if (state.is === 'opening' || state.is === 'open') state.link.close('the other side ended the session');
  }

  private end(error: N2NError): void {
    if (this.state.is === 'closed') return;
    if (this.state.is === 'opening') this.options.clock.clearTimeout(this.state.timer);
    this.state = { is: 'closed', error };
    this.events.onClosed(error);
  }
}

/** What an end that the other side has told means here: that it was closed there is a lost connection on this side. */
function codeHere(code: unknown): N2NErrorCode {
  if (code === 'CLOSED') return 'CONNECTION_LOST';
  return isN2NErrorCode(code) ? code : 'PROTOCOL_ERROR';
}
