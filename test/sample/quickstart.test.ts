import { once } from 'node:events';
import { createServer } from 'node:http';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atEnd, freePort, portOf, proveNothingIsLeft } from '../support/harness.js';
import { outputOf, Program, ROOT, type Ended, type ProgramOptions } from '../support/processes/program.js';
import { seededRandom } from '../support/random.js';

const DIST = join(ROOT, 'sample/01-quickstart/dist');
const LAUNCHER = join(DIST, 'main.js');
const WORDS = join(DIST, 'words/main.js');
const GATEWAY = join(DIST, 'gateway/main.js');

/** More than there are different words in any of these files. */
const ALL = '1000000';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'n2n-quickstart-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

proveNothingIsLeft();

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The rows that the quickstart prints, as `sort | uniq -c` has them, from the tools that everybody trusts. */
async function countWithTools(file: string, prepare = 'cat'): Promise<string[]> {
  const script = `${prepare} < "$1" | tr -cs 'A-Za-z0-9\\200-\\377' '\\n' | tr 'A-Z' 'a-z' | grep -v '^$' \
    | sort | uniq -c | sort -k1,1nr -k2,2`;
  const stdout = await outputOf('sh', ['-c', script, 'sh', file], { env: { LC_ALL: 'C' } });
  return stdout.split('\n').filter((line) => line !== '');
}

function rowsOf(transcript: string): string[] {
  return transcript.split('\n').filter((line) => /^ *\d+ \S+$/.test(line));
}

/** The whole of it, on ports that are free. */
function quickstart(args: readonly string[], options?: ProgramOptions): Promise<Ended> {
  return new Program([LAUNCHER, '--words-port', '0', '--port', '0', ...args], options).ended;
}

async function startWords(port = 0): Promise<{ words: Program; port: number }> {
  const words = new Program([WORDS, '--words-port', String(port)]);
  const [, bound] = await words.line(/^words {4}serves .* on localhost:(\d+)$/);
  return { words, port: Number(bound) };
}

function startGateway(wordsPort: number, ...args: readonly string[]): Program {
  return new Program([GATEWAY, '--words-port', String(wordsPort), '--port', '0', ...args]);
}

async function urlOf(gateway: Program): Promise<string> {
  const [, url] = await gateway.line(/curl '(http:\S+)\/words/);
  return url;
}

/** Feeds a program text without end, as fast as it takes it, until the test is over. */
function feed(program: Program): void {
  const { stdin } = program.child;
  atEnd(() => stdin.destroy());
  pipeline(Readable.from(endlessText()), stdin).catch(() => {});
}

function* endlessText(): Generator<string> {
  const line = 'to be or not to be that is the question\n'.repeat(100);
  for (;;) yield line;
}

describe('the quickstart with --once', () => {
  it('counts the words of a generated text as tr, sort and uniq do', async () => {
    const random = seededRandom(20_262_611);
    const separators = [' ', ' ', '\n', '\r\n', '\t', ', ', '-', '_', "'", '. ', '/', '(', ')'];
    const word = (): string => Math.floor(random() ** 3 * 50_000).toString(random() < 0.5 ? 36 : 10);
    const words = Array.from({ length: 60_000 }, () => (random() < 0.2 ? word().toUpperCase() : word()));
    // Words that are keys with a meaning on an ordinary object.
    words.push('__proto__', 'constructor', 'toString', 'hasOwnProperty');
    const text = words.map((each) => each + separators[Math.floor(random() * separators.length)]).join('');
    const file = write('generated.txt', text);

    const { code, stdout, stderr } = await quickstart(['--once', '--file', file, '--top', ALL]);

    const expected = await countWithTools(file);
    expect(stderr).toBe('');
    expect(rowsOf(stdout)).toEqual(expected);
    const total = expected.reduce((sum, row) => sum + Number.parseInt(row, 10), 0);
    const calls = Number(/in (\d+) calls/.exec(stdout)?.[1]);
    expect(stdout).toMatch(
      new RegExp(
        `^gateway  ${total} words, ${expected.length} different, in ${calls} calls and [\\d.]+ s$`,
        'm',
      ),
    );
    expect(calls).toBeGreaterThan(100);
    expect(code).toBe(0);
  });

  it('counts the words of the lock file by default, and shows the ten most frequent', async () => {
    const { code, stdout, stderr } = await quickstart(['--once']);
    expect(stderr).toBe('');
    expect(rowsOf(stdout)).toEqual((await countWithTools(join(ROOT, 'package-lock.json'))).slice(0, 10));
    expect(code).toBe(0);
  });

  it('counts as its own page says', async () => {
    const page = readFileSync(join(DIST, '../README.md'), 'utf8');
    const command = /^tr -cs .*$/m.exec(page)?.[0] ?? '';
    const { stdout } = await quickstart(['--once', '--file', 'LICENSE']);
    expect(`${rowsOf(stdout).join('\n')}\n`).toBe(
      await outputOf('sh', ['-c', command], { env: { LC_ALL: 'C' } }),
    );
  });

  it('takes letters of any script for letters, and their punctuation for none', async () => {
    const lines = [
      '“Naïve” straße—größer…',
      'Москва и москва',
      '東京、大阪。東京',
      'e\u0301te\u0301 déjà‐vu 𝒳 👍 ½',
    ];
    const file = write('unicode.txt', `${lines.join('\n')}\n`.repeat(2000));
    const { stdout } = await quickstart(['--once', '--file', file, '--top', ALL]);
    // tr knows bytes: the punctuation goes before it, and the one capital letter beyond ASCII.
    const prepare = `sed -e 's/[“”—…、。‐👍]/ /g' -e 's/М/м/g'`.replace(/\[(.*)\]/, (_, set: string) => {
      return `\\(${Array.from(set).join('\\|')}\\)`;
    });
    expect(rowsOf(stdout)).toEqual(await countWithTools(file, prepare));
    expect(rowsOf(stdout)).toContain('   4000 東京');
  });

  it('prints a transcript that can be followed', async () => {
    const file = write('hamlet.txt', `To be, or not to be:\n${'that is the question. '.repeat(200)}`);
    const { stdout } = await quickstart(['--once', '--file', file, '--top', '3']);
    expect(
      stdout
        .replaceAll(/localhost:\d+/g, 'localhost:PORT')
        .replace(/[\d.]+ s$/m, 'TIME')
        .split('\n')
        // The two services share the terminal: where its lines stand among the others' is left to chance.
        .filter((line) => !line.startsWith('words    file.done')),
    ).toEqual([
      'words    serves words.count, words.watch and file.done on localhost:PORT',
      'gateway  connected to the words service at http://localhost:PORT over nodeTransport',
      'gateway  counts the words of hamlet.txt',
      expect.stringMatching(/^gateway {2}words\.watch: 1 call, \d+ words$/),
      expect.stringMatching(/^gateway {2}words\.watch: 2 calls, \d+ words$/),
      expect.stringMatching(/^gateway {2}words\.watch: 4 calls, \d+ words$/),
      'gateway  806 words, 8 different, in 5 calls and TIME',
      '    200 is',
      '    200 question',
      '    200 that',
      '',
    ]);
    expect(stdout).toMatch(/^words {4}file\.done: hamlet\.txt, 806 words$/m);
  });

  it('counts what does not end in a separator, and what is cut anywhere, from a pipe', async () => {
    const program = new Program([LAUNCHER, '--words-port', '0', '--once', '--file', '-', '--top', ALL]);
    const text = Buffer.from('größer als 東京 '.repeat(3000) + 'end');
    // Seven bytes are no multiple of anything here: letters are cut in two.
    const slices = Array.from({ length: Math.ceil(text.length / 7) }, (_, at) =>
      text.subarray(at * 7, at * 7 + 7),
    );
    await pipeline(Readable.from(slices), program.child.stdin);
    const { code, stdout } = await program.ended;
    expect(rowsOf(stdout)).toEqual(['   3000 als', '   3000 größer', '   3000 東京', '      1 end']);
    expect(code).toBe(0);
  });

  it('finds no words in an empty file', async () => {
    const { code, stdout } = await quickstart(['--once', '--file', write('empty.txt', '')]);
    expect(stdout).toMatch(/^gateway {2}0 words, 0 different, in 0 calls and /m);
    expect(code).toBe(0);
  });

  it('says so when some of a text is not UTF-8', async () => {
    const file = write('latin1.txt', Buffer.from('für Emil', 'latin1'));
    const { code, stdout } = await quickstart(['--once', '--file', file]);
    expect(stdout).toContain('not UTF-8');
    expect(rowsOf(stdout)).toEqual(['      1 emil', '      1 f', '      1 r']);
    expect(code).toBe(0);
  });

  it('takes a relative path from the folder in which npm was typed', async () => {
    const file = write('here.txt', 'hello');
    const env = { npm_lifecycle_event: 'start', INIT_CWD: folder };
    const { code, stdout } = await quickstart(['--once', '--file', basename(file)], { env });
    expect(rowsOf(stdout)).toEqual(['      1 hello']);
    expect(code).toBe(0);
  });

  it('needs no HTTP port', async () => {
    const taken = createServer().listen(0, 'localhost');
    await once(taken, 'listening');
    atEnd(() => new Promise((resolve) => taken.close(resolve)));
    const { code } = await quickstart(['--once', '--port', String(portOf(taken))]);
    expect(code).toBe(0);
  });
});

describe('the quickstart that cannot do what it is asked', () => {
  it.each([
    [
      'a file that is not there',
      () => ['--file', join(folder, 'nowhere.txt')],
      /^Cannot read .*nowhere\.txt\. There is no such file\.$/,
    ],
    ['a directory', () => ['--file', folder], /^Cannot read .* It is a directory; name a text file in it\.$/],
    ['an option that there is not', () => ['--fiel', 'x'], /^Unknown option '--fiel'/],
    [
      'a port that is none',
      () => ['--port', 'abc'],
      /^--port or PORT is "abc": it must be a whole number from 0 to 65535\.$/,
    ],
  ])('says so before any call, and ends with code 1: %s', async (_, argsOf, message) => {
    const { code, stdout, stderr } = await new Program([GATEWAY, '--once', ...argsOf()]).ended;
    expect(stderr.split('\n')[0]).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it.each([
    [
      'a binary file',
      () => write('binary', Buffer.from([0x89, 0x50, 0, 0, 0, 0x0d])),
      /^Cannot read .*binary\. It is a binary file and no text\.\n$/,
    ],
    ['a text without a space', () => write('long.txt', 'a'.repeat(2_000_000)), /^This is no text: .*\n$/],
  ])('says so, and ends both services and itself with code 1: %s', async (_, fileOf, message) => {
    const { code, stderr } = await quickstart(['--once', '--file', fileOf()]);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  it.skipIf(process.getuid?.() === 0)('says so of a file that this user may not read', async () => {
    const file = write('secret.txt', 'secret');
    chmodSync(file, 0);
    const { code, stderr } = await quickstart(['--once', '--file', file]);
    expect(stderr).toMatch(/^Cannot read .*secret\.txt\. This user may not read it\.\n$/);
    expect(code).toBe(1);
  });

  it('says so when the HTTP port is in use', async () => {
    const taken = createServer().listen(0, 'localhost');
    await once(taken, 'listening');
    atEnd(() => new Promise((resolve) => taken.close(resolve)));
    const port = portOf(taken);
    const { code, stderr } = await quickstart(['--port', String(port)]);
    expect(stderr).toMatch(new RegExp(`^Port ${port} is in use\\. .*\\n$`));
    expect(code).toBe(1);
  });

  it('says so when the port of the words service is in use', async () => {
    const { port } = await startWords();
    const { code, stderr } = await quickstart(['--once', '--words-port', String(port)]);
    expect(stderr).toMatch(
      new RegExp(`^Cannot listen on localhost:${port}, for its address \\S+\\. It is in use: .*\\n$`),
    );
    expect(code).toBe(1);
  });

  it.each([['--once'], []])(
    'says so when there is no words service, and what to start %s',
    async (...args) => {
      const port = await freePort();
      const { code, stdout, stderr } = await startGateway(port, ...args).ended;
      expect(stderr).toMatch(
        new RegExp(
          `^CONNECT_FAILED: there is no words service at http://localhost:${port}\\. .*ECONNREFUSED`,
        ),
      );
      expect(stderr).toContain('npm run start:words');
      expect(stderr).not.toMatch(/^ +at /m);
      expect(stdout).toBe('');
      expect(code).toBe(1);
    },
  );
});

describe('the gateway, when the words service is killed in the middle', () => {
  it('ends the calls under way with CONNECTION_LOST, and then itself with code 1 after --once', async () => {
    const { words, port } = await startWords();
    const gateway = startGateway(port, '--once', '--file', '-');
    feed(gateway);
    await gateway.line(/words\.watch: 64 calls/);
    words.child.kill('SIGKILL');
    const { code, stderr } = await gateway.ended;
    const [, answered, lost] =
      /^CONNECTION_LOST: the words service went away\. (\d+) calls had been answered; (\d+) under way ended .*\n$/.exec(
        stderr,
      ) ?? [];
    expect(Number(answered)).toBeGreaterThan(0);
    expect(Number(lost)).toBeGreaterThan(0);
    expect(Number(lost)).toBeLessThanOrEqual(64);
    expect(code).toBe(1);
  });

  it('serves on without --once: 503 while it is away, the right answer when it is back', async () => {
    const { words, port } = await startWords();
    const gateway = startGateway(port, '--file', '-');
    feed(gateway);
    await gateway.line(/words\.watch: 64 calls/);
    words.child.kill('SIGKILL');
    await gateway.line(/^gateway {2}CONNECTION_LOST: /);
    const url = `${await urlOf(gateway)}/words?text=to+be+or+not+to+be`;

    const away = await fetch(url);
    expect(away.status).toBe(503);
    expect(await away.json()).toMatchObject({ statusCode: 503, code: expect.stringMatching(/_FAILED$/) });

    await startWords(port);
    const back = await fetch(url);
    expect(await back.json()).toEqual({ text: 'to be or not to be', words: 6 });
    expect(gateway.stderr).toBe('');
  });
});

describe('the quickstart after the file', () => {
  it('answers over HTTP and to a stock Socket.IO client, and ends with both services when it is told to', async () => {
    const quickstarted = new Program([LAUNCHER, '--words-port', '0', '--port', '0']);
    const url = await urlOf(quickstarted);
    const [, wordsPort] = await quickstarted.line(/on localhost:(\d+)$/);

    const answer = await fetch(`${url}/words?text=${encodeURIComponent('Être, ou ne pas être')}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toEqual({ text: 'Être, ou ne pas être', words: 5 });
    const empty = await fetch(`${url}/words?text=`);
    expect(await empty.json()).toEqual({ text: '', words: 0 });
    expect((await fetch(`${url}/words`)).status).toBe(400);
    expect((await fetch(`${url}/words?text=a&text=b`)).status).toBe(400);

    const socket = io(`http://localhost:${wordsPort}`, { transports: ['websocket'], forceNew: true });
    atEnd(() => socket.close());
    expect(await socket.emitWithAck('words.count', 'to be or not to be')).toBe(6);
    expect(await socket.emitWithAck('words.count', { text: 5 })).toMatchObject({ status: 'error' });

    quickstarted.child.kill('SIGTERM');
    const { code, stderr } = await quickstarted.ended;
    expect(stderr).toBe('');
    expect(code).toBe(128 + 15);
    await expect(fetch(`${url}/words?text=a`)).rejects.toThrow();
    const again = io(`http://localhost:${wordsPort}`, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
    });
    atEnd(() => again.close());
    const [error] = await once(again as never, 'connect_error');
    expect(error).toBeInstanceOf(Error);
  });

  it('leaves no service behind when it is killed itself', async () => {
    const quickstarted = new Program([LAUNCHER, '--words-port', '0', '--port', '0']);
    await urlOf(quickstarted);
    quickstarted.child.kill('SIGKILL');
    // The services hold the launcher's output: it ends when they have.
    const { signal } = await quickstarted.ended;
    expect(signal).toBe('SIGKILL');
  });
});

describe('npm start', () => {
  it('is the launcher, with what it needs built first', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['start']).toBe(
      'npm run --silent build && npm run --silent build:samples && node sample/01-quickstart/dist/main.js',
    );
    expect(scripts['start:words']).toBe('node sample/01-quickstart/dist/words/main.js');
    expect(scripts['start:gateway']).toBe('node sample/01-quickstart/dist/gateway/main.js');
  });

  it('tells its options', async () => {
    const { code, stdout } = await quickstart(['--help']);
    for (const option of ['--file', '--top', '--once', '--port', '--words-port'])
      expect(stdout).toContain(option);
    expect(code).toBe(0);
  });
});
