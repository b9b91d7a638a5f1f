import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { Manager, type ManagerOptions, type Socket as ClientSocket } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { listen } from '../../../src/transport/http/listen.js';
import { clientTransport } from '../../../src/transport/engine/transport-registry.js';
import { createAuthority } from '../../support/certificates.js';
import { recordingLogger } from '../../support/recording-logger.js';
import { atEnd, HOST, portOf, proveNothingIsLeft } from '../../support/harness.js';
import { next, refusalOf } from '../socket-io/suites/events.js';

const authority = createAuthority();
const stranger = createAuthority('Another authority');
const serverKeys = authority.issue('localhost');

async function connects(socket: ClientSocket): Promise<true> {
  await Promise.race([next(socket, 'connect'), refusalOf(socket).then((error) => Promise.reject(error))]);
  return true;
}

/** The message of the error at the root of a refused connection. */
async function reason(socket: ClientSocket): Promise<string> {
  const error = (await refusalOf(socket)) as Error & { description?: Error & { error?: Error } };
  return String(error.description?.error?.message ?? error.description?.message);
}

describe.each(['nodeTransport', 'websocket'])('TLS below a stock client over %s', (transport) => {
  proveNothingIsLeft();

  async function serve(tls: TlsOptions = {}) {
    const io = listen(0, {
      host: HOST,
      tls: { ...serverKeys, ...tls },
      transports: [transport],
      logger: recordingLogger(),
    });
    const http = io.httpServer as HttpServer;
    await once(http, 'listening');
    atEnd(() => io.close());
    const dial = (options: object = {}): ClientSocket => {
      const all: Partial<ManagerOptions> = Object.assign(
        {
          hostname: 'localhost',
          port: String(portOf(http)),
          secure: true,
          path: '/socket.io/',
          transports: [clientTransport(transport)],
          reconnection: false,
        },
        options,
      );
      const socket = new Manager(all).socket('/');
      atEnd(() => socket.disconnect());
      return socket;
    };
    return { io, dial };
  }

  it('trusts an authority that it was told to trust', async () => {
    const { io, dial } = await serve();
    const accepted = next<[{ handshake: { secure: boolean } }]>(io, 'connection');
    expect(await connects(dial({ ca: authority.ca }))).toBe(true);
    expect((await accepted)[0].handshake.secure).toBe(true);
  });

  it.each<[string, object]>([
    ['an authority that it does not know', {}],
    ['an authority that is not the one it was told to trust', { ca: stranger.ca }],
    ['an unknown authority, where the option is undefined', { rejectUnauthorized: undefined }],
  ])('refuses %s', async (_case, options) => {
    const { io, dial } = await serve();
    expect(await reason(dial(options))).toMatch(/unable to (verify|get)|self-signed|issuer|signature/i);
    expect(io.engine.clientsCount).toBe(0);
  });

  it('refuses a certificate of another host', async () => {
    const { dial } = await serve(authority.issue('words', ['words.example']));
    expect(await reason(dial({ ca: authority.ca }))).toMatch(/altnames/);
  });

  it('goes without verification only when asked to', async () => {
    const { dial } = await serve();
    expect(await connects(dial({ rejectUnauthorized: false }))).toBe(true);
  });

  it('shows its own certificate to a server that asks for it', async () => {
    const { io, dial } = await serve({ requestCert: true, ca: authority.ca });
    const accepted = next<[{ request: { socket: unknown } }]>(io, 'connection');
    const keys = authority.issue('reader-7');
    expect(await connects(dial({ ca: authority.ca, ...keys }))).toBe(true);
    const { socket } = (await accepted)[0].request;
    expect(socket).toBeInstanceOf(TLSSocket);
    expect((socket as TLSSocket).authorized).toBe(true);
    expect((socket as TLSSocket).getPeerCertificate().subject.CN).toBe('reader-7');
  });

  it.each<[string, object]>([
    ['no certificate', {}],
    ['a certificate of a stranger', stranger.issue('reader-7')],
  ])('is refused by a server that asks for a certificate, with %s', async (_case, keys) => {
    const { io, dial } = await serve({ requestCert: true, ca: authority.ca });
    expect(await refusalOf(dial({ ca: authority.ca, ...keys }))).toBeInstanceOf(Error);
    expect(io.engine.clientsCount).toBe(0);
  });

  it('does not reach a server in plain text', async () => {
    const { dial } = await serve();
    expect(await refusalOf(dial({ secure: false }))).toBeInstanceOf(Error);
  });
});
