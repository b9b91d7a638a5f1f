import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tableBelow } from '../support/markdown.js';
import { ROOT } from '../support/processes/program.js';

const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const modules = tableBelow(page, '## The modules').map(([module, , imports]) => ({
  name: module.replace('src/', ''),
  imports,
}));

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: readonly string[] };
}
const { forbidden } = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs')) as {
  forbidden: readonly Rule[];
};

describe('docs/architecture.md', () => {
  it('has every module of the source', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(modules.map(({ name }) => name).toSorted()).toEqual(folders.map(({ name }) => name).toSorted());
  });

  it.each(modules.filter(({ name }) => !['protocol', 'transport', 'balancing'].includes(name)))(
    'says what $name may import, as the dependency check has it',
    ({ name, imports }) => {
      const rule = forbidden.find((each) => each.name === `arrows-of-${name}`);
      const allowed = (rule?.to.pathNot ?? [])
        .map((path) => /^\^src\/([\w-]+)\/$/.exec(path)?.[1])
        .filter((module) => module !== undefined && module !== name);
      expect(imports.split(', ')).toEqual(allowed);
    },
  );

  it('names files that there are', () => {
    const paths = [...page.matchAll(/\bsrc\/[\w./-]*[\w]/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
