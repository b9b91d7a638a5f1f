import { inspect } from 'node:util';
import type { AskKind, AskMessage, Asks, ToldMessage } from './protocol.js';

type Answers = {
  readonly [K in Exclude<AskKind, 'cpu'>]?: (ask: Asks[K]['ask']) => Promise<Asks[K]['told']>;
};

/** The loop of a child process: answers what the parent asks, and ends after `stop`, or when the parent is gone. */
export function answerParent(answers: Answers): void {
  process.on('message', (message: AskMessage) => {
    void answer(message, answers).then((told) => {
      process.send?.(told, undefined, undefined, () => {
        // What the peer has left open (timers, sockets) must not keep the process.
        if (message.kind === 'stop') process.exit(0);
      });
    });
  });
  process.on('disconnect', () => process.exit(1));
}

async function answer({ id, kind, ask }: AskMessage, answers: Answers): Promise<ToldMessage> {
  try {
    if (kind === 'cpu') return { id, ok: true, told: cpuMicros() };
    // oxlint-disable-next-line no-unsafe-type-assertion -- Answers pairs kind and ask; a variable kind loses the pair
    const handle = answers[kind] as ((ask: unknown) => Promise<unknown>) | undefined;
    if (handle === undefined) throw new Error(`This process does not answer ${kind}.`);
    return { id, ok: true, told: await handle(ask) };
  } catch (error) {
    return { id, ok: false, error: inspect(error) };
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
