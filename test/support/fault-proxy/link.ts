import type { Socket } from 'node:net';
import { Lane, type Gate } from './lane.js';
import type { CutKind, Direction, LinkPlan } from './link-plan.js';

/**
 * - `open`: bytes pass
 * - `ending`: the last bytes before a cut are on their way to the system; nothing may follow them
 * - `cut`: what comes goes nowhere
 */
type State = 'open' | 'ending' | 'cut';

export interface LinkEvents {
  onCut(): void;
  /** Neither side is connected any more. */
  onOver(): void;
}

/** One connection through the proxy: the socket that the client made, and the one that was made to the server for it. */
export class Link {
  private state: State = 'open';
  private readonly lanes: readonly Lane[];
  private bytesLeft: number;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly plan: LinkPlan,
    private readonly events: LinkEvents,
  ) {
    const { cutAfter } = plan;
    this.bytesLeft = cutAfter?.bytes ?? Infinity;
    this.watch(client, server);
    this.watch(server, client);
    this.lanes = [
      new Lane(client, server, plan, this.gateOf('up')),
      new Lane(server, client, plan, this.gateOf('down')),
    ];
    if (cutAfter !== undefined && cutAfter.bytes <= 0) this.cut(cutAfter.how);
  }

  /** How many bytes of both directions the proxy has. */
  get held(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.held, 0);
  }

  cut(how: CutKind): void {
    if (this.state === 'cut') return;
    this.state = 'cut';
    for (const lane of this.lanes) lane.stop();
    switch (how) {
      case 'fin':
        this.client.end();
        this.server.end();
        break;
      case 'rst':
        reset(this.client);
        reset(this.server);
        break;
      case 'half-open':
        reset(this.client);
        break;
      case 'client-unaware':
        reset(this.server);
        break;
      case 'silence':
        break;
      default:
        how satisfies never;
    }
    for (const socket of [this.client, this.server]) dropWhatHasEnded(socket);
    this.events.onCut();
  }

  /** Ends both sockets without a plan. */
  destroy(): void {
    this.state = 'cut';
    for (const lane of this.lanes) lane.stop();
    this.client.destroy();
    this.server.destroy();
  }

  private gateOf(direction: Direction): Gate {
    const { cutAfter } = this.plan;
    const isCounted = cutAfter?.direction === direction || cutAfter?.direction === 'either';
    return {
      left: () => {
        if (this.state !== 'open') return 0;
        return isCounted ? this.bytesLeft : Infinity;
      },
      pass: (bytes) => {
        if (!isCounted) return false;
        this.bytesLeft -= bytes;
        if (this.bytesLeft > 0) return false;
        this.state = 'ending';
        return true;
      },
      end: () => {
        if (cutAfter !== undefined) this.cut(cutAfter.how);
      },
    };
  }

  private watch(socket: Socket, other: Socket): void {
    socket.setNoDelay(true);
    // Told of again by `close`.
    socket.on('error', () => {});
    socket.once('end', () => {
      // Of no use to anyone any more: see dropWhatHasEnded.
      if (this.state === 'cut') socket.destroy();
    });
    socket.once('close', (hadError) => {
      // A side that was cut off learns nothing of the other.
      if (this.state !== 'cut') {
        if (hadError) reset(other);
        else if (!socket.readableEnded) other.destroy();
      }
      if (other.closed) this.events.onOver();
    });
  }
}

/** A side that was cut off and has ended has nothing more to say or to hear, and nothing else would close its socket. */
function dropWhatHasEnded(socket: Socket): void {
  if (socket.readableEnded && !socket.writableEnded) socket.destroy();
}

function reset(socket: Socket): void {
  if (socket.connecting) socket.once('connect', () => reset(socket));
  // A Unix domain socket, which has no address, knows no reset.
  else if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
