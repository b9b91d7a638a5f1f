import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputOf, ROOT } from './processes/program.js';

/** A project that has installed the package as it was built, and all that the repository has. @returns its folder */
export function createConsumer(): string {
  const project = mkdtempSync(join(tmpdir(), 'n2n-consumer-'));
  const installed = join(project, 'node_modules');
  mkdirSync(installed);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(installed, name));
  }
  symlinkSync(ROOT, join(installed, 'nestjs-n2n'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  return project;
}

/** Compiles files of a project, for which the strict mode is on. @throws what the compiler says, when they cannot be */
export async function compile(
  project: string,
  files: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const compilerOptions = {
    target: 'ES2023',
    module: 'nodenext',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
    ...options,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  await outputOf(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project]);
}
