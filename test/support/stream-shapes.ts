import { Readable } from 'node:stream';
import { from } from 'rxjs';
import { turn } from './harness.js';

/** Several values, in every shape that a stream can have. */
export const SHAPES: Record<string, (values: readonly unknown[]) => unknown> = {
  'an Observable': (values) => from(values),
  'a promise of an Observable': async (values) => from(values),
  'an async generator': (values) => generate(values),
  'an async iterable': (values) => ({
    [Symbol.asyncIterator]: () => {
      const left = values[Symbol.iterator]();
      return { next: async () => left.next() };
    },
  }),
  'a Readable': (values) => Readable.from(values),
};

async function* generate(values: readonly unknown[]): AsyncGenerator {
  for (const value of values) {
    await turn();
    yield value;
  }
}
