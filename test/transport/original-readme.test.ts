import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atEnd, proveNothingIsLeft } from '../support/harness.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The two fragments of node2node-socket.io's README (MIT, Gregor Schwab) as they stand there, with the placeholders
 * filled in and nothing changed but the `require` lines.
 */
const SERVER = `
var http = require('./http-on-a-free-port.cjs'),
    io = require('./nestjs-n2n.cjs'),

server = http.createServer(function(req, res){
  // your normal server code
  res.writeHead(200, {'Content-Type': 'text/html'});
  res.end('<h1>Hello world</h1>');
});

server.listen(80);

// socket.io, I choose you
var socket = io.listen(server);

socket.on('connection', function(client){
  // new client is here!
  client.on('message', function(){ process.send(['message', arguments[0]]); client.send({ answer: arguments[0] }) })
  client.on('disconnect', function(){ process.send(['disconnect']) })
});
`;

const CLIENT = `
    io = require('./nestjs-n2n-on-port.cjs')

    var Client = new io.nodeClient('0.0.0.0', 1234);
    Client.connect(); //is async!! but send requests will buffers up if no connection there yet
    Client.on('connect', function(){ process.send(['connect']) })
    Client.on('message', function(client){ process.send(['message', client]); if (client.answer === 2) Client.disconnect() })
    Client.on('disconnect', function(){ process.send(['disconnect']) })
`;

/** What a program that uses them goes on to do. */
const THEN = `
    Client.send(1);
    Client.send(2);
`;

/** Port 80 is fixed in the server's fragment, and 1234 in the client's: these map them, and nothing else. */
const SHIMS = {
  'nestjs-n2n.cjs': `module.exports = require(${JSON.stringify(join(root, 'dist/node.js'))});`,
  'http-on-a-free-port.cjs': `
    const http = require('http');
    exports.createServer = (handler) => {
      const server = http.createServer(handler);
      const listen = server.listen.bind(server);
      server.listen = (port) => listen(port === 80 ? 0 : port, '127.0.0.1', () => process.send(['listening', server.address().port]));
      process.on('disconnect', () => process.exit());
      return server;
    };`,
  'nestjs-n2n-on-port.cjs': `
    const { nodeClient } = require('./nestjs-n2n.cjs');
    exports.nodeClient = function (host, port) {
      return new nodeClient('127.0.0.1', port === 1234 ? Number(process.argv[2]) : port);
    };`,
};

describe("the original README's fragments, as CommonJS", () => {
  proveNothingIsLeft();
  let directory = '';

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'n2n-readme-'));
    const files = { ...SHIMS, 'server.cjs': SERVER, 'client.cjs': CLIENT + THEN };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('the build has what they require', () => {
    const names = execFileSync(
      process.execPath,
      ['-p', `Object.keys(require(${JSON.stringify(join(root, 'dist/node.js'))})).join()`],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    expect(names).toContain('listen');
    expect(names).toContain('nodeClient');
  });

  it('talk to each other, and the client ends by itself', async () => {
    const server = run('server.cjs');
    const [, port] = await server.told('listening');
    const client = run('client.cjs', String(port));
    const over = once(client.process, 'exit');
    await client.told('disconnect');
    await server.told('disconnect');
    expect(await over).toEqual([0, null]);
    expect(client.heard).toEqual([
      ['connect'],
      ['message', { answer: 1 }],
      ['message', { answer: 2 }],
      ['disconnect'],
    ]);
    expect(server.heard.slice(1)).toEqual([['message', 1], ['message', 2], ['disconnect']]);
  });

  interface Running {
    readonly process: ChildProcess;
    readonly heard: unknown[][];
    told(what: string): Promise<unknown[]>;
  }

  function run(file: string, ...programArguments: string[]): Running {
    const child = fork(join(directory, file), programArguments, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const heard: unknown[][] = [];
    const waiting = new Map<unknown, (line: unknown[]) => void>();
    let complaint = '';
    child.stderr?.on('data', (text) => (complaint += String(text)));
    child.on('message', (line: unknown[]) => {
      heard.push(line);
      waiting.get(line[0])?.(line);
    });
    atEnd(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    });
    return {
      process: child,
      heard,
      told: (what) =>
        new Promise((resolve, reject) => {
          waiting.set(what, resolve);
          child.once('exit', () => reject(new Error(`${file} ended: ${complaint}`)));
          const line = heard.find(([name]) => name === what);
          if (line !== undefined) resolve(line);
        }),
    };
  }
});
