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

/** The folders that the dependency check lets the files of a folder import. */
function allowedFor(name: string): string[] {
  const rule = forbidden.find((each) => each.name === `arrows-of-${name}`);
  return (rule?.to.pathNot ?? [])
    .flatMap((path) => /^\^src\/([\w-]+)\/$/.exec(path)?.[1] ?? [])
    .filter((module) => module !== name);
}

function foldersOf(path: string): string[] {
  return readdirSync(join(ROOT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

describe('docs/architecture.md', () => {
  it('has every module of the source', () => {
    expect(modules.map(({ name }) => name).toSorted()).toEqual(foldersOf('src').toSorted());
  });

  it.each(modules.filter(({ name }) => !['protocol', 'transport', 'balancing'].includes(name)))(
    'says what $name may import, as the dependency check has it',
    ({ name, imports }) => {
      expect(imports.split(', ')).toEqual(allowedFor(name));
    },
  );

  it('names files that there are', () => {
    const paths = [...page.matchAll(/\bsrc\/[\w./-]*[\w]/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

/** A row of a drawing that crosses a module boundary. */
interface Crossing {
  /** The module that the arrow points at. */
  readonly target: string | undefined;
  /** The methods that are called; none where the row says in words what happens. */
  readonly methods: readonly string[];
  readonly file: string;
}

/** The crossings of a drawing. Each part of it begins with a row that names its columns. */
function crossingsIn(drawing: string): Crossing[] {
  let columns: { name: string; from: number; to: number }[] = [];
  return drawing.split('\n').flatMap((row) => {
    const [, names] = /^(.* transport) /.exec(row) ?? [];
    if (names !== undefined) {
      columns = [...names.matchAll(/\S+/g)].map(({ 0: name, index }) => ({
        name,
        from: index,
        to: index + name.length,
      }));
    }
    const at = row.includes('▶') ? row.indexOf('▶') + 1 : row.indexOf('◀') - 1;
    if (at < 0) return [];
    const target = columns.find(({ from, to }) => from <= at && at < to)?.name;
    const [, label = '', file = ''] = /[│┤]\s*([^│┤]*\S)\s+(src\/\S+)$/.exec(row) ?? [];
    const [called = ''] = label.split(': ');
    const methods = /^[\w.]+(, \w+)*$/.test(called) ? called.replace(/^\w+\./, '').split(', ') : [];
    return [{ target, methods, file }];
  });
}

describe.each(['a call', 'an event', 'a stream', 'a reconnect', 'a drain'])('the drawn way of %s', (name) => {
  const [, section = ''] = page.split(`## The way of ${name}\n`);
  const crossings = crossingsIn(/```text\n([^]*?)```/.exec(section)?.[1] ?? '');

  it('has arrows that point at the module of the file beside them', () => {
    expect(crossings.length).toBeGreaterThan(10);
    expect(crossings.filter(({ target, file }) => !file.startsWith(`src/${target}/`))).toEqual([]);
  });

  it('names methods that the file beside them has', () => {
    const named = crossings.flatMap(({ methods, file }) => methods.map((method) => ({ method, file })));
    expect(named.length).toBeGreaterThan(10);
    const isMissing = ({ method, file }: { method: string; file: string }): boolean =>
      !new RegExp(`\\b${method}\\b`).test(readFileSync(join(ROOT, file), 'utf8'));
    expect(named.filter(isMissing)).toEqual([]);
  });
});

describe.each(foldersOf('src'))('src/%s/README.md', (name) => {
  const text = readFileSync(join(ROOT, 'src', name, 'README.md'), 'utf8');

  it('says which folders it may import, as the dependency check has it', () => {
    const [, imports = ''] = /^May import: (.*)$/m.exec(text) ?? [];
    const folders = [...imports.matchAll(/`([\w-]+)`/g)].map(([, folder]) => folder);
    expect(folders.filter((folder) => folder !== 'Link')).toEqual(allowedFor(name));
  });

  it('names the folders in it', () => {
    const named = [...text.matchAll(/`([\w-]+)\/`/g)].map(([, folder]) => folder);
    expect(named.toSorted()).toEqual(foldersOf(`src/${name}`).toSorted());
  });
});
