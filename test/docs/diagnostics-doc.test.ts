import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { N2N_CHANNELS } from '../../src/index.js';
import { blocksOf, tableBelow } from '../support/markdown.js';
import { ROOT } from '../support/processes/program.js';

const page = readFileSync(join(ROOT, 'docs/diagnostics.md'), 'utf8');
const source = readFileSync(join(ROOT, 'src/diagnostics.ts'), 'utf8');

/** The fields of an interface, without those of the ones that it extends. */
function fieldsOf(name: string): string[] {
  const body = new RegExp(`^(?:export )?interface ${name} .*?\\{\\n(.*?)^\\}`, 'ms').exec(source)?.[1] ?? '';
  return [...body.matchAll(/^  readonly (\w+):/gm)].map(([, field]) => field);
}

/** The fields in the table of a section. */
function documentedBelow(heading: string): string[] {
  return tableBelow(page, heading).map(([field]) => field);
}

// Its example runs with those of README.md, in readme.test.ts.
describe('docs/diagnostics.md', () => {
  it('lists the channels that there are, in their order, and says when each is published', () => {
    const rows = tableBelow(page, '## The channels');
    expect(rows.map(([channel]) => channel)).toEqual(N2N_CHANNELS);
    for (const [, when] of rows) expect(when).toMatch(/\w{3}/);
  });

  it.each([
    ['### Attempts', ['AttemptStartMessage', 'AttemptEndMessage', 'AttemptErrorMessage']],
    ['### Connections', ['ConnectionOpenMessage', 'ConnectionCloseMessage']],
    ['### Sessions', ['SessionMessage', 'SessionResumeMessage']],
    ['### The session of a message', ['SessionInfo']],
    ['### Calls', ['CallMessage', 'CallStartMessage', 'CallEndMessage']],
  ])('has every field below %s', (heading, names) => {
    const fields = names.flatMap(fieldsOf);
    expect(fields.length).toBeGreaterThan(1);
    expect(new Set(documentedBelow(heading))).toEqual(new Set(fields));
  });

  it('explains the fields of failures', () => {
    const fields = fieldsOf('Failure');
    expect(fields).toHaveLength(2);
    for (const field of fields) expect(page).toContain(`\`${field}\` is `);
  });

  it('has its example and what that prints, and no other block', () => {
    expect(blocksOf(page).map(({ language }) => language)).toEqual(['ts', 'text']);
  });
});
