import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { N2N_ERROR_CODES, N2NClient, N2NError } from '../../src/index.js';
import { compile, createConsumer } from '../support/consumer.js';
import { atEnd, freePort, proveNothingIsLeft } from '../support/harness.js';
import { blocksOf, tableBelow, type Block } from '../support/markdown.js';
import { outputOf, Program, ROOT } from '../support/processes/program.js';

const page = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = blocksOf(page);

interface Manifest {
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** A `ts` block is a file; the `text` block behind it is what it prints. */
interface Example {
  readonly file: string;
  readonly code: string;
  readonly output: string | undefined;
}

function examplesOf(all: readonly Block[]): Example[] {
  return all.flatMap(({ language, code }, at): Example[] => {
    if (language !== 'ts') return [];
    const file = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? '';
    const next = all[at + 1];
    return [{ file, code, output: next?.language === 'text' ? next.code : undefined }];
  });
}

/** Those of docs/errors.md and docs/diagnostics.md call the same service. */
const examples = [
  ...examplesOf(blocks),
  ...examplesOf(blocksOf(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8'))),
  ...examplesOf(blocksOf(readFileSync(join(ROOT, 'docs/diagnostics.md'), 'utf8'))),
];

proveNothingIsLeft();

describe('the blocks of README.md', () => {
  it('are all found, and each is tested below', () => {
    expect(page.match(/^```/gm)).toHaveLength(blocks.length * 2);
    // A new block fails here until it is decided how it is tested.
    expect(blocks.map(({ language, code }) => `${language} ${code.split('\n')[0]}`)).toEqual([
      'sh npm ci && npm start',
      'sh npm ci && npm test',
      'sh npm ci && npm run build && npm pack',
      'ts // words.module.ts',
      'ts // words.main.ts',
      'ts // hybrid.main.ts',
      'ts // caller.main.ts',
      expect.stringMatching(/^text /),
      'ts // more.main.ts',
      expect.stringMatching(/^text /),
      'ts // both-ways.main.ts',
      expect.stringMatching(/^text /),
      'ts // codec.main.ts',
      expect.stringMatching(/^text /),
      'ts // packets.main.ts',
      expect.stringMatching(/^text /),
      'ts // auth.main.ts',
      expect.stringMatching(/^text /),
      'ts // several.main.ts',
      expect.stringMatching(/^text /),
      'ts // clients-module.main.ts',
      expect.stringMatching(/^text /),
      'ts // stock-client.main.ts',
      expect.stringMatching(/^text /),
      'ts // errors.main.ts',
      expect.stringMatching(/^text /),
    ]);
  });
});

describe('the commands of README.md', () => {
  // `npm ci` itself is run by .ci/run, on a machine where nothing is installed. What `npm start` runs after its builds
  // is run by test/sample/quickstart.test.ts, and `npm test` runs this: neither can run itself from within.
  it('are scripts of the package', () => {
    const commands = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(({ code }) => code.trim().split(' && '));
    for (const [, name] of commands.join('\n').matchAll(/^npm (?:run )?(start|test|build)$/gm)) {
      expect(manifest.scripts).toHaveProperty(name);
    }
    expect(commands.filter((command) => !/^npm (ci|start|test|run build|pack)$/.test(command))).toEqual([]);
    expect(manifest.scripts['test']).toMatch(/vitest run$/);
  });

  it('pack what a service needs', async () => {
    const stdout = await outputOf('npm', ['pack', '--dry-run', '--json', '--silent']);
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    for (const path of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/node.js',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
    ]) {
      expect(paths).toContain(path);
    }
    expect(paths.filter((path) => /^(src|test|sample|bench)\//.test(path))).toEqual([]);
  });
});

describe('the examples of README.md', () => {
  /** A project that has installed the package, with the examples on ports that are free. */
  let project = '';
  let wordsPort = 0;
  let httpPort = 0;
  let ownPort = 0;

  beforeAll(async () => {
    [wordsPort, httpPort, ownPort] = await Promise.all([freePort(), freePort(), freePort()]);
    project = createConsumer();
    for (const { file, code } of examples) {
      writeFileSync(
        join(project, file),
        code
          .replaceAll('6262', String(wordsPort))
          .replaceAll('6263', String(ownPort))
          .replaceAll('3000', String(httpPort)),
      );
    }
    await compile(
      project,
      examples.map(({ file }) => file),
      { skipLibCheck: true },
    );
  });

  afterAll(() => {
    rmSync(project, { recursive: true });
  });

  const program = (file: string): Program => new Program([file.replace(/\.ts$/, '.js')], { cwd: project });

  /** Has begun when it answers. */
  const startService = async (
    file: string,
    port: number,
  ): Promise<{ service: Program; client: N2NClient }> => {
    const service = program(file);
    const client = new N2NClient({
      url: `http://localhost:${port}`,
      logging: false,
      reconnectionDelay: 50,
      maxReconnectionDelay: 50,
      maxReconnectionAttempts: 400,
    });
    atEnd(() => client.close());
    expect(await firstValueFrom(client.send('words.count', 'to be'))).toBe(2);
    return { service, client };
  };

  it.each(examples.filter(({ output }) => output !== undefined))(
    '$file runs, ends by itself, and prints what the page says',
    async ({ file, output }) => {
      const { client } = await startService('words.main.ts', wordsPort);
      const { code, stdout, stderr } = await program(file).ended;
      expect(stderr).toBe('');
      expect(stdout).toBe(output);
      expect(code).toBe(0);
      void client.close();
    },
  );

  it('words.main.ts gets the event of caller.main.ts', async () => {
    const { service } = await startService('words.main.ts', wordsPort);
    await program('caller.main.ts').ended;
    await service.line(/^file\.done: hamlet\.txt$/);
  });

  it('hybrid.main.ts serves N2N clients, stock clients and HTTP on one port', async () => {
    await startService('hybrid.main.ts', httpPort);
    const socket = io(`http://localhost:${httpPort}`, { transports: ['websocket'], forceNew: true });
    atEnd(() => socket.close());
    expect(await socket.emitWithAck('words.count', 'or not to be')).toBe(4);
    const response = await fetch(`http://localhost:${httpPort}/nowhere`);
    expect(await response.json()).toMatchObject({ statusCode: 404 });
  });

  it('are all run, or a part of one that is', () => {
    const servers = ['words.main.ts', 'hybrid.main.ts'];
    for (const { file, output } of examples) {
      expect(file.endsWith('.main.ts')).toBe(servers.includes(file) || output !== undefined);
    }
    const [words] = examples;
    expect(words.file).toBe('words.module.ts');
  });

  it('load in CommonJS as well', async () => {
    const script = `const { N2NServer } = require('nestjs-n2n'); console.log(new N2NServer().transportId)`;
    const stdout = await outputOf(process.execPath, ['--input-type=commonjs', '--eval', script], {
      cwd: project,
    });
    expect(stdout).toBe('Symbol(nestjs-n2n)\n');
  });
});

describe('the tables of README.md', () => {
  it('has every error that there is now, and whether it may be tried again', () => {
    const rows = tableBelow(page, '## Errors').flatMap(([codes, , retryable]) =>
      codes.split(', ').map((code) => ({ code, retryable: retryable === 'yes' })),
    );
    for (const { code, retryable } of rows) {
      const known = N2N_ERROR_CODES.find((each) => each === code);
      if (known === undefined) throw new Error(`There is no code ${code}.`);
      expect([code, retryable]).toEqual([code, new N2NError(known, '').retryable]);
    }
    const notYet = ['PERMISSION_DENIED', 'UNAUTHENTICATED'];
    expect([...rows.map(({ code }) => code), ...notYet].toSorted()).toEqual(N2N_ERROR_CODES.toSorted());
  });

  it('has links that lead somewhere', () => {
    const targets = [...page.matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)];
    expect(targets.length).toBeGreaterThan(4);
    for (const [, path, fragment] of targets) {
      const target = join(ROOT, path === '' ? 'README.md' : path);
      expect(existsSync(target), target).toBe(true);
      if (fragment !== undefined) expect(headingsOf(readFileSync(target, 'utf8'))).toContain(fragment);
    }
  });
});

function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(
    ([, heading]) =>
      `#${heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')}`,
  );
}
