import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atEnd, freePort, portOf, proveNothingIsLeft } from '../support/harness.js';
import { Program, ROOT, type Ended } from '../support/processes/program.js';

const DIST = join(ROOT, 'sample/02-streams/dist');
const LAUNCHER = join(DIST, 'main.js');
const LINES = join(DIST, 'lines/main.js');
const GATEWAY = join(DIST, 'gateway/main.js');

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'n2n-streams-test-'));
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

/** Large enough that no buffer of the system holds it, if the reader does not read. */
function writeLarge(): { path: string; count: number } {
  const count = 100_000;
  const lines = Array.from({ length: count }, (_, at) => `${at + 1} ${'x'.repeat(400)}`);
  return { path: write('large.txt', lines.join('\n')), count };
}

function streams(...args: string[]): Program {
  return new Program([LAUNCHER, '--lines-port', '0', '--port', '0', ...args]);
}

async function urlOf(program: Program): Promise<string> {
  const [, url] = await program.line(/^gateway {2}open (http:\S+), or: curl /);
  return url;
}

/** How many lines a line of the transcript tells of. */
function countIn(match: RegExpExecArray): number {
  return Number(match[1].replaceAll(',', ''));
}

/** A response whose body is not read until somebody does. */
async function request(url: string): Promise<IncomingMessage> {
  const outgoing = get(url);
  atEnd(() => outgoing.destroy());
  outgoing.on('error', () => {});
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

describe('the streams sample with --once', () => {
  it('reads a part, goes away, and shows that the service stopped', async () => {
    const { code, stdout, stderr } = await streams('--once').ended;
    expect(stderr).toBe('');
    const [, taken] =
      /^gateway {2}a reader took ([\d,]+) lines of GET \/lines, and goes away$/m.exec(stdout) ?? [];
    const [, said] = /^lines {4}lines\.read stopped: .* after ([\d,]+) lines$/m.exec(stdout) ?? [];
    const [, told] = /^gateway {2}the service stopped after ([\d,]+) lines,/m.exec(stdout) ?? [];
    expect(told).toBe(said);
    const [least, read] = [taken, said].map((each) => Number(each?.replaceAll(',', '')));
    expect(least).toBeGreaterThan(1000);
    expect(read).toBeGreaterThanOrEqual(least);
    // A tenth of the file is more than all the buffers on the way hold.
    expect(read).toBeLessThan(100_000);
    expect(code).toBe(0);
  });

  it('removes the file that it made', async () => {
    const { stdout } = await streams('--once').ended;
    const [, path] = /serves the lines of (\S+) on/.exec(stdout) ?? [];
    expect(path).toMatch(/million\.txt$/);
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('says so, with code 1, when the file is too short to go away from', async () => {
    const { code, stderr } = await streams('--once', '--file', write('short.txt', 'one\ntwo\n')).ended;
    expect(stderr).toBe('The service came to the end before its reader went away: give it a larger text.\n');
    expect(code).toBe(1);
  });
});

describe('GET /lines', () => {
  it.each([
    ['ends in a line feed', 'eins\nzwei größer\n\n東京\n'],
    ['does not', 'to be\nor not'],
    ['is empty', ''],
    ['is longer than what is read at once', `${'größer '.repeat(5000)}\n`.repeat(40)],
  ])('gives the file as it is, where that %s', async (_, content) => {
    const program = streams('--file', write('text.txt', content));
    const response = await fetch(`${await urlOf(program)}/lines`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(content === '' || content.endsWith('\n') ? content : `${content}\n`);
    await program.line(/^lines {4}lines\.read came to the end after [\d,]+ lines?$/);
  });

  it('gives a large file as a whole', async () => {
    const { path, count } = writeLarge();
    const program = streams('--file', path);
    const response = await fetch(`${await urlOf(program)}/lines`);
    expect(await response.text()).toBe(`${readFileSync(path, 'utf8')}\n`);
    expect(countIn(await program.line(/came to the end after ([\d,]+) lines/))).toBe(count);
  });

  it('stops the service when the reader goes away, and serves the next one from the beginning', async () => {
    const program = streams('--file', writeLarge().path);
    const url = `${await urlOf(program)}/lines`;
    const response = await request(url);
    const [first] = (await once(response, 'data')) as [Buffer];
    response.destroy();
    expect(String(first)).toMatch(/^1 x+\n/);
    expect(countIn(await program.line(/stopped: .* after ([\d,]+) lines/))).toBeLessThan(100_000);
    await program.line(/^gateway {2}GET \/lines: the reader went away after [\d,]+ lines$/);

    const again = await request(url);
    const [part] = (await once(again, 'data')) as [Buffer];
    expect(String(part)).toMatch(/^1 x+\n/);
    again.destroy();
  });

  it('holds the service back while the reader does not read, and goes on when it does', async () => {
    const { path, count } = writeLarge();
    const program = streams('--file', path);
    const url = `${await urlOf(program)}/lines`;
    const slow = await request(url);
    // Another reader takes all of it, beside one that takes nothing.
    expect(await text(await request(url))).toHaveLength(readFileSync(path, 'utf8').length + 1);
    await program.line(/lines\.read came to the end/);
    expect(program.stdout.match(/lines\.read came to the end/g)).toHaveLength(1);
    // What comes is complete, nothing was dropped meanwhile.
    expect((await text(slow)).split('\n')).toHaveLength(count + 1);
  });

  it('is 503 with the reason when there is no lines service, and answers when there is', async () => {
    const port = await freePort();
    const gateway = new Program([GATEWAY, '--port', '0', '--lines-port', String(port)]);
    const url = `${await urlOf(gateway)}/lines`;
    const away = await fetch(url);
    expect(away.status).toBe(503);
    expect(await away.json()).toMatchObject({ statusCode: 503, code: 'CONNECT_FAILED' });

    const lines = new Program([LINES, '--lines-port', String(port), '--file', write('small.txt', 'hello\n')]);
    await lines.line(/serves the lines/);
    expect(await (await fetch(url)).text()).toBe('hello\n');
  });

  it('is cut short, not ended, when the lines service is killed in the middle', async () => {
    const lines = new Program([LINES, '--lines-port', '0', '--file', writeLarge().path]);
    const [, port] = await lines.line(/on localhost:(\d+)$/);
    const gateway = new Program([GATEWAY, '--port', '0', '--lines-port', port]);
    const response = await request(`${await urlOf(gateway)}/lines`);
    await once(response, 'data');
    lines.child.kill('SIGKILL');
    await expect(text(response)).rejects.toThrow('aborted');
    await gateway.line(/^gateway {2}GET \/lines: it was cut short: .*connection/i);
  });

  it('is 502 with the reason when the file is no text', async () => {
    const program = streams('--file', write('binary', Buffer.alloc(4_000_000)));
    const response = await fetch(`${await urlOf(program)}/lines`);
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ message: expect.stringMatching(/binary is no text/) });
    await program.line(/^lines {4}lines\.read failed after 0 lines$/);
  });
});

describe('the streams sample', () => {
  it('serves a page that reads the lines', async () => {
    const url = await urlOf(streams('--file', write('small.txt', 'hello\n')));
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain("fetch('/lines'");
  });

  it.each([
    ['a file that is not there', ['--file', 'nowhere.txt'], /^Cannot read .*nowhere\.txt: ENOENT/],
    ['a directory', ['--file', '.'], /^Cannot read .*: it is no file\.$/],
    ['an option that there is not', ['--fiel', 'x'], /^Unknown option '--fiel'/],
    [
      'a port that is none',
      ['--lines-port', 'x'],
      /^--lines-port is "x": it must be a whole number from 0 to 65535/,
    ],
  ])('says in one line what is wrong, and ends with code 1: %s', async (_, args, message) => {
    const { code, stdout, stderr } = await new Program([LAUNCHER, '--once', '--port', '0', ...args]).ended;
    expect(stderr.split('\n')[0]).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it.each(['--port', '--lines-port'])('says so when the port of %s is in use', async (option) => {
    const taken = createServer().listen(0, 'localhost');
    await once(taken, 'listening');
    atEnd(() => new Promise((resolve) => taken.close(resolve)));
    const { code, stderr }: Ended = await streams(
      '--file',
      write('small.txt', 'hello\n'),
      option,
      String(portOf(taken)),
    ).ended;
    expect(stderr).toMatch(/^.* in use.*--(lines-)?port.*\n$/);
    expect(code).toBe(1);
  });

  it('ends both services when it is told to', async () => {
    const program = streams('--file', write('small.txt', 'hello\n'));
    const url = await urlOf(program);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect(stderr).toBe('');
    expect(code).toBe(128 + 15);
    await expect(fetch(url)).rejects.toThrow();
  });

  it('is what npm run start:streams runs, with what it needs built first', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['start:streams']).toBe(
      'npm run --silent build && npm run --silent build:samples && node sample/02-streams/dist/main.js',
    );
    expect(scripts['build:samples']).toContain('nest build streams');
  });
});
