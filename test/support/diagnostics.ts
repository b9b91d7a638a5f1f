import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { N2N_CHANNELS, type N2NChannel, type N2NDiagnostics } from '../../src/diagnostics.js';
import { atEnd } from './harness.js';

/** A message as it was when it was published, and the object itself. */
interface Published<Name extends N2NChannel> {
  readonly channel: Name;
  readonly message: N2NDiagnostics[Name];
  readonly object: object;
}

/** What is published from now on to the end of the test. */
export class DiagnosticsRecording {
  private readonly published: Published<N2NChannel>[] = [];
  private readonly waiting = new Set<() => void>();

  /** @param channels those that it subscribes to */
  constructor(channels: readonly N2NChannel[] = N2N_CHANNELS) {
    for (const channel of channels) {
      const listener = (message: unknown): void => this.onMessage(channel, message as object);
      subscribe(channel, listener);
      atEnd(() => unsubscribe(channel, listener));
    }
  }

  /** All messages so far, in order. */
  get all(): readonly Published<N2NChannel>[] {
    return this.published;
  }

  /** The channels of all messages so far, in order. */
  get channels(): N2NChannel[] {
    return this.published.map(({ channel }) => channel);
  }

  /** All messages of a channel so far, in order. */
  of<Name extends N2NChannel>(channel: Name): N2NDiagnostics[Name][] {
    return this.matching(channel, () => true).map(({ message }) => message);
  }

  /** The same, as objects, whatever has become of them. */
  objectsOf(channel: N2NChannel): object[] {
    return this.matching(channel, () => true).map(({ object }) => object);
  }

  /** The first message of a channel that matches, as soon as it is there. */
  async first<Name extends N2NChannel>(
    channel: Name,
    match: (message: N2NDiagnostics[Name]) => boolean = () => true,
  ): Promise<N2NDiagnostics[Name]> {
    for (;;) {
      for (const { message } of this.matching(channel, match)) return message;
      // oxlint-disable-next-line no-await-in-loop -- each message is looked at when it is there
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  private onMessage(channel: N2NChannel, object: object): void {
    this.published.push({ channel, message: { ...object } as N2NDiagnostics[N2NChannel], object });
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const resolve of waiting) resolve();
  }

  private matching<Name extends N2NChannel>(
    channel: Name,
    match: (message: N2NDiagnostics[Name]) => boolean,
  ): Published<Name>[] {
    return this.published.filter(
      (each): each is Published<Name> =>
        each.channel === channel && match(each.message as N2NDiagnostics[Name]),
    );
  }
}
