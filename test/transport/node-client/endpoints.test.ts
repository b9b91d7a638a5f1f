import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { NodeEngine } from '../../../src/transport/engine/node-engine.js';
import type { NodeClientOptions } from '../../../src/transport/node-client/node-client-options.js';
import { atEnd, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { startClient } from '../harness.js';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
const ca = pem('ca.crt');
const serverKeys = { cert: pem('server.crt'), key: pem('server.key') };
const clientKeys = { cert: pem('client.crt'), key: pem('client.key') };

/** A server of both transports on the HTTP server given. */
async function serve(http: ReturnType<typeof createHttpServer>, address: string | number): Promise<Server> {
  const io = new Server();
  const engine = new NodeEngine({ transports: ['nodeTransport', 'websocket'], pingInterval: 10_000 });
  engine.attach(http, { path: '/socket.io/' });
  io.bind(engine);
  if (typeof address === 'string') http.listen(address);
  else http.listen(address, '127.0.0.1');
  await once(http, 'listening');
  atEnd(async () => {
    await io.close();
    await new Promise((resolve) => http.close(resolve));
  });
  io.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  return io;
}

async function serveTls(options: object = {}): Promise<{ io: Server; url: string }> {
  const https = createHttpsServer({ ...serverKeys, ...options });
  https.on('tlsClientError', () => {});
  const io = await serve(https, 0);
  return { io, url: `https://localhost:${portOf(https)}` };
}

async function expectEcho(
  { client, next }: ReturnType<typeof startClient>,
  transport: string,
): Promise<void> {
  client.send({ hello: transport });
  const echo = next('message');
  client.connect();
  expect(await echo).toEqual([{ hello: transport }]);
  expect(client.transportName).toBe(transport);
}

describe.each(['nodeTransport', 'websocket'])('NodeClient over %s', (transport) => {
  proveNothingIsLeft();
  const only = (options: NodeClientOptions = {}): NodeClientOptions => ({
    ...options,
    transports: [transport],
  });

  async function failure(url: string, options: NodeClientOptions): Promise<string> {
    const { client, errors, next } = startClient(url, only({ ...options, reconnect: false }));
    client.connect();
    await next('error');
    return errors[0].message;
  }

  it('reaches a Unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
    atEnd(() => rm(directory, { recursive: true }));
    const path = join(directory, 'words.sock');
    await serve(createHttpServer(), path);
    await expectEcho(startClient(`unix:${path}`, only()), transport);
  });

  it('reaches a Unix socket with TLS', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'n2n-'));
    atEnd(() => rm(directory, { recursive: true }));
    const path = join(directory, 'words.sock');
    await serve(createHttpsServer(serverKeys), path);
    await expectEcho(startClient(`unix:${path}`, only({ secure: true, tls: { ca } })), transport);
  });

  it('tells of a Unix socket that is not there', async () => {
    expect(await failure('unix:/nowhere/words.sock', {})).toMatch(/unix:\/nowhere\/words\.sock.*ENOENT/);
  });

  it('verifies the certificate by default', async () => {
    const { url } = await serveTls();
    expect(await failure(url, {})).toMatch(/unable to verify|self.signed/);
  });

  it('verifies the name in the certificate', async () => {
    const { url } = await serveTls();
    expect(await failure(url, { tls: { ca, servername: 'elsewhere.example' } })).toMatch(/does not match/);
  });

  it('takes a certificate of an authority that it was given', async () => {
    const { url } = await serveTls();
    await expectEcho(startClient(url, only({ tls: { ca } })), transport);
  });

  it('takes any certificate only when asked to', async () => {
    const { url } = await serveTls();
    await expectEcho(startClient(url, only({ tls: { rejectUnauthorized: false } })), transport);
  });

  it('shows its own certificate', async () => {
    const { io, url } = await serveTls({ ca, requestCert: true, rejectUnauthorized: true });
    const names: unknown[] = [];
    io.use((socket, admit) => {
      const { socket: stream } = socket.request;
      if (stream instanceof TLSSocket) names.push(stream.getPeerCertificate().subject.CN);
      admit();
    });
    await expectEcho(startClient(url, only({ tls: { ca, ...clientKeys } })), transport);
    expect(names).toEqual(['client']);
  });

  it('is refused without one by a server that asks for one', async () => {
    const { url } = await serveTls({ ca, requestCert: true, rejectUnauthorized: true });
    expect(await failure(url, { tls: { ca } })).toContain('Cannot connect');
  });
});
