import { Failure } from '../../../shared/dist/index.js';

/** ASCII but for letters and digits: no word has any of it, whatever script it is in. */
const BETWEEN_WORDS = /[^A-Za-z0-9\u0080-\uffff]/g;

/** No word is this long. Without a bound, a file in which there is nowhere to cut would be held in memory as a whole. */
const LONGEST_WORD = 1024 * 1024;

/**
 * Cuts a text into pieces of little more than `size` characters, between words, so that the words of the pieces are
 * the words of the text.
 */
export async function* piecesOf(chunks: AsyncIterable<string>, size: number): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const text = rest + chunk;
    let from = 0;
    for (let end = cutAfter(text, size); end > 0; end = cutAfter(text, from + size)) {
      yield text.slice(from, end);
      from = end;
    }
    rest = text.slice(from);
    if (rest.length > LONGEST_WORD) {
      throw new Failure(
        `This is no text: more than ${LONGEST_WORD} letters follow each other with no space.`,
      );
    }
  }
  if (rest !== '') yield rest;
}

/** @returns the position behind the first character, from `from` on, that no word has; 0 when there is none */
function cutAfter(text: string, from: number): number {
  BETWEEN_WORDS.lastIndex = from;
  return BETWEEN_WORDS.test(text) ? BETWEEN_WORDS.lastIndex : 0;
}
