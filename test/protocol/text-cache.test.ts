import { expect, test } from 'vitest';
import { TextCache } from '../../src/protocol/buffers/text-cache.js';
import { runSeed, seededRandom } from '../support/random.js';

test('any text is read as it stands, however often, whatever stood in its place before', () => {
  const random = seededRandom(runSeed());
  const cache = new TextCache();
  const texts = Array.from({ length: 400 }, (_, index) =>
    String.fromCodePoint(...Array.from({ length: index % 70 }, () => 33 + Math.floor(random() * 400))),
  );
  for (let round = 0; round < 20_000; round++) {
    const text = texts[Math.floor(random() * texts.length)] ?? '';
    const bytes = Buffer.from(`<${text}>`);
    expect(cache.read(bytes, 1, bytes.length - 1)).toBe(text);
  }
});

test('a text that comes again is the one that was read before, also when its bytes were overwritten', () => {
  const cache = new TextCache();
  const bytes = Buffer.from('words.count');
  expect(cache.read(bytes, 0, bytes.length)).toBe('words.count');
  bytes.fill('x');
  expect(cache.read(bytes, 0, bytes.length)).toBe('xxxxxxxxxxx');
  expect(cache.read(Buffer.from('words.count'), 0, 11)).toBe('words.count');
});
