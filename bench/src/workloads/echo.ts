import type { Connection } from '../peers/peer.js';

/** Makes sure that a connection works: fails if it does not echo a text. */
export function echo(connection: Connection, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.call(text, (error, answer) => {
      if (answer === text) resolve();
      else reject(new Error('A connection that was opened does not answer', { cause: error }));
    });
  });
}
