import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const DOCUMENT = new URL('../../docs/wire-protocol.md', import.meta.url);
const HERE = new URL('./', import.meta.url);

function numbersIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

test('every rule of the document has a test that bears its number, and every number a rule', () => {
  const rules = numbersIn(readFileSync(DOCUMENT, 'utf8'), /^- \*\*([A-Z]\d+)\*\*/gm);
  const tests = readdirSync(HERE)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => numbersIn(readFileSync(new URL(name, HERE), 'utf8'), /(?<=['" ])([A-Z]\d+):/g));
  expect(rules.length).toBeGreaterThan(30);
  expect(new Set(rules).size).toBe(rules.length);
  expect([...new Set(tests)].toSorted()).toEqual(rules.toSorted());
});
