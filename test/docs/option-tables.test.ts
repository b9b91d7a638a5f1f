import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { N2N_CLIENT_OPTIONS } from '../../src/client-proxy/n2n-client-options.js';
import { N2N_SERVER_OPTIONS } from '../../src/strategy/n2n-server-options.js';
import { NODE_CLIENT_OPTIONS } from '../../src/transport/node-client/node-client-options.js';
import type { Option, OptionTable } from '../../src/transport/option-table.js';
import { ROOT } from '../support/processes/program.js';

interface Documented {
  readonly owner: string;
  /** The declarations that a user's editor reads. */
  readonly entry: string;
  readonly table: OptionTable;
}

const SERVER: Documented = { owner: 'N2NServer', entry: 'dist/index.d.ts', table: N2N_SERVER_OPTIONS };
const CLIENT: Documented = { owner: 'N2NClient', entry: 'dist/index.d.ts', table: N2N_CLIENT_OPTIONS };
const NODE_CLIENT: Documented = { owner: 'NodeClient', entry: 'dist/node.d.ts', table: NODE_CLIENT_OPTIONS };

interface Doc {
  readonly name: string;
  readonly text: string;
  /** The tag `@default`. */
  readonly byDefault: string;
}

const program = ts.createProgram(
  [SERVER, NODE_CLIENT].map(({ entry }) => join(ROOT, entry)),
  { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, strict: true },
);
const checker = program.getTypeChecker();

/** What an editor shows of each option of the published type, in the order of the table. */
function docsOf({ owner, entry, table }: Documented): Doc[] {
  const file = program.getSourceFile(join(ROOT, entry));
  const module = file && checker.getSymbolAtLocation(file);
  const alias = module && checker.getExportsOfModule(module).find(({ name }) => name === `${owner}Options`);
  if (alias === undefined) throw new Error(`${entry} has no ${owner}Options: is it built?`);
  const names = Object.keys(table);
  return checker
    .getDeclaredTypeOfSymbol(checker.getAliasedSymbol(alias))
    .getProperties()
    .map((property) => ({
      name: property.name,
      text: ts.displayPartsToString(property.getDocumentationComment(checker)).replace(/\s+/g, ' '),
      byDefault: ts.displayPartsToString(
        property.getJsDocTags(checker).find(({ name }) => name === 'default')?.text,
      ),
    }))
    .toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

/** The default as the docs show it. */
function shownDefault({ byDefault, inWords, unit }: Option<unknown, unknown>): string {
  if (inWords !== undefined) return inWords;
  if (byDefault === undefined) return '';
  const mebibytes = unit === 'bytes' ? ` (${Number(byDefault) / 2 ** 20} MiB)` : '';
  return `\`${inspect(byDefault).replace(/^\[ (.*) \]$/, '[$1]')}\`${mebibytes}`;
}

function tableOf(documented: Documented): string {
  const rows = docsOf(documented).map(({ name, text }) => {
    const option = documented.table[name];
    // The column says it.
    const is = text.replace(`, in ${option.unit}`, '');
    return `| \`${name}\` | ${shownDefault(option)} | ${option.unit ?? ''} | ${is} |`;
  });
  return ['| option | default | unit | is |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The page with the tables of options as they should be. */
async function pageWith(page: string, ...tables: Documented[]): Promise<string> {
  const file = join(ROOT, page);
  let text = readFileSync(file, 'utf8');
  for (const documented of tables) {
    const place = new RegExp(`(<!-- options of ${documented.owner} -->\n)[^]*?(<!-- end of options -->)`);
    expect(text).toMatch(place);
    text = text.replace(place, (_all, begin, end) => `${begin}\n${tableOf(documented)}\n\n${end}`);
  }
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}

// To write the tables: npm run docs:options
describe('the tables of options', () => {
  it('of README.md are those of the source', async () => {
    const page = 'README.md';
    await expect(await pageWith(page, SERVER, CLIENT)).toMatchFileSnapshot(join(ROOT, page));
  });

  it('of docs/node-client.md are those of the source', async () => {
    const page = 'docs/node-client.md';
    await expect(await pageWith(page, NODE_CLIENT)).toMatchFileSnapshot(join(ROOT, page));
  });
});

describe.each([SERVER, CLIENT, NODE_CLIENT])(
  'what an editor shows of the options of $owner',
  (documented) => {
    const docs = docsOf(documented);

    it('is there for each, and for nothing else', () => {
      expect(docs.map(({ name }) => name)).toEqual(Object.keys(documented.table));
      expect(docs.filter(({ text }) => !/\w{3}.*\.$/.test(text))).toEqual([]);
    });

    it.each(docs)('has the default and the unit of $name', ({ name, text, byDefault }) => {
      const option = documented.table[name];
      expect(byDefault.replaceAll('`', '')).toBe(shownDefault(option).replaceAll('`', ''));
      if (option.unit !== undefined) expect(text).toContain(option.unit);
    });
  },
);
