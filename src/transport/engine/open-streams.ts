import type { Duplex } from 'node:stream';

/** The streams of connections. They stay open after their connections close if the other side does not answer. */
export class OpenStreams {
  private readonly streams = new Set<Duplex>();
  private timer: NodeJS.Timeout | undefined;

  add(stream: Duplex): void {
    if (stream.destroyed) return;
    this.streams.add(stream);
    stream.once('close', () => {
      this.streams.delete(stream);
      if (this.streams.size === 0) clearTimeout(this.timer);
    });
  }

  /** Destroys the streams that are still open after `time` milliseconds. */
  endWithin(time: number): void {
    if (this.streams.size === 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      for (const stream of this.streams) stream.destroy();
    }, time);
  }
}
