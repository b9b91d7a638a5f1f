import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { N2N_ERROR_CODES, N2NError } from '../../src/index.js';
import { tableBelow } from '../support/markdown.js';
import { ROOT } from '../support/processes/program.js';

const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
const rows = tableBelow(page, '## The codes').map(([code, retryable, what, where, todo]) => ({
  code,
  retryable,
  what,
  where,
  todo,
}));

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  // The list of the codes itself raises none of them.
  .filter((name) => name.endsWith('.ts') && name !== 'n2n-error.ts')
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
  .join('\n');

/** Where a code is raised: given to the constructor, or to `N2NError.from` behind its reason. */
function isRaised(code: string): boolean {
  return new RegExp(`new N2NError\\(\\s*'${code}'|N2NError\\.from\\([^;]*?'${code}'`).test(sources);
}

describe('docs/errors.md', () => {
  it('lists the codes that there are, each once, in their order', () => {
    expect(rows.map(({ code }) => code)).toEqual([...N2N_ERROR_CODES]);
  });

  it.each(N2N_ERROR_CODES)('says of %s whether it may be tried again, as the code has it', (code) => {
    const row = rows.find((each) => each.code === code);
    expect(row?.retryable).toBe(new N2NError(code, '').retryable ? 'yes' : 'no');
  });

  it.each(N2N_ERROR_CODES)('says of %s what happened, where and what to do', (code) => {
    const row = rows.find((each) => each.code === code);
    for (const cell of [row?.what, row?.where, row?.todo]) expect(cell).toMatch(/\w{3}/);
  });

  it.each(N2N_ERROR_CODES)('calls %s reserved where nothing raises it, and only there', (code) => {
    const row = rows.find((each) => each.code === code);
    expect(row?.where.includes('reserved for a later version')).toBe(!isRaised(code));
  });

  it('knows no code that there is not', () => {
    const known: readonly string[] = [...N2N_ERROR_CODES, 'N2N_ERROR_CODES'];
    const named = [...page.matchAll(/`'?([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)'?`/g)].map(([, name]) => name);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});
