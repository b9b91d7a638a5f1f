import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/processes/program.js';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const page = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');

/** The packages in the first column of the table below a heading. */
function packagesBelow(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (`.*?) +\|/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
    .toSorted();
}

test('docs/dependencies.md has every dependency', () => {
  const { dependencies, peerDependencies, devDependencies } = manifest;
  expect(packagesBelow('Installed with the package')).toEqual(Object.keys(dependencies).toSorted());
  expect(packagesBelow('Peers')).toEqual(Object.keys(peerDependencies).toSorted());
  const peers = new Set(Object.keys(peerDependencies));
  const development = Object.keys(devDependencies).filter((name) => !peers.has(name));
  expect(packagesBelow('For development')).toEqual(development.toSorted());
});
