import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Server } from 'socket.io';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NODE_CLIENT_OPTIONS } from '../../src/transport/node-client/node-client-options.js';
import { NodeEngine } from '../../src/transport/engine/node-engine.js';
import { freePort, portOf } from '../support/harness.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tls = (name: string) => join(root, 'test/transport/fixtures/tls', name);
const page = readFileSync(join(root, 'docs/node-client.md'), 'utf8');

interface Example {
  readonly line: number;
  readonly code: string;
  /** What stands in the next `text` block, before the next example or heading. */
  readonly output: string | undefined;
}

function examplesOf(markdown: string): Example[] {
  const examples = [
    ...markdown.matchAll(/^```(?:js|ts)\n(.*?)^```$(.*?)(?=^```(?:js|ts)\n|^## |(?![\s\S]))/gms),
  ];
  return examples.map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    code: match[1],
    output: /^```text\n(.*?)^```$/ms.exec(match[2])?.[1],
  }));
}

/** The server that the examples are written against. */
function serve(http: HttpServer): Server {
  const io = new Server();
  const engine = new NodeEngine({ transports: ['nodeTransport', 'websocket'], pingInterval: 10_000 });
  engine.attach(http, { path: '/socket.io/' });
  io.bind(engine);
  io.use((socket, next) => {
    const isExpired = socket.handshake.auth['token'] === 'expired';
    next(isExpired ? Object.assign(new RangeError('token expired'), { data: { retry: true } }) : undefined);
  });
  io.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(data));
    socket.on('words.count', (words: string, answer: (count: number) => void) =>
      answer(words.split(' ').length),
    );
  });
  return io;
}

async function run(code: string): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { exitCode, stdout, stderr };
}

describe('the examples of docs/node-client.md', () => {
  const http = createHttpServer();
  const https = createHttpsServer({
    cert: readFileSync(tls('server.crt')),
    key: readFileSync(tls('server.key')),
  });
  const unix = createHttpServer();
  const servers: HttpServer[] = [http, https, unix];
  let ios: Server[] = [];
  let directory = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'n2n-'));
    ios = servers.map(serve);
    http.listen(0, '127.0.0.1');
    https.listen(0, '127.0.0.1');
    unix.listen(join(directory, 'words.sock'));
    await Promise.all(servers.map((server) => once(server, 'listening')));
  });

  afterAll(async () => {
    for (const io of ios) await io.close();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await rm(directory, { recursive: true });
  });

  const examples = examplesOf(page);

  /** A text of the page with the addresses and files of this test in place of its own. */
  async function here(words: string): Promise<string> {
    const stands: [string, string][] = [
      ['6262', String(portOf(http))],
      ['6263', String(portOf(https))],
      ['6264', String(await freePort())],
      ['/run/words.sock', join(directory, 'words.sock')],
      ['/etc/words/ca.pem', tls('ca.crt')],
    ];
    return stands.reduce((all, [there, ours]) => all.replaceAll(there, ours), words);
  }

  it('are all found', () => {
    expect(examples).toHaveLength(page.match(/^```(js|ts|javascript|typescript)/gm)?.length ?? 0);
    expect(examples.length).toBeGreaterThan(5);
    expect(examples.every((example) => example.output !== undefined)).toBe(true);
  });

  it.each(examples)(
    'line $line runs, ends by itself, and prints what the page says',
    async ({ code, output }) => {
      const { exitCode, stdout, stderr } = await run(await here(code));
      expect(stderr).toBe('');
      expect(stdout).toBe(await here(output ?? ''));
      expect(exitCode).toBe(0);
    },
  );
});

describe('the tables of docs/node-client.md', () => {
  it('have every option', () => {
    for (const name of Object.keys(NODE_CLIENT_OPTIONS))
      expect(page).toMatch(new RegExp(`^\\| \`${name}\` .*\\|.*\\|.*\\|.*\\|$`, 'm'));
  });
});
