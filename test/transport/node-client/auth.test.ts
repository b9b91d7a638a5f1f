import { describe, expect, it } from 'vitest';
import type { Server } from 'socket.io';
import { N2NError } from '../../../src/n2n-error.js';
import { proveNothingIsLeft } from '../../support/harness.js';
import { clientsOver, TRANSPORTS, startServer } from '../harness.js';

/** Records what each handshake shows, and refuses the first ones. */
function recordAuth(io: Server, refusals = 0): unknown[] {
  const shown: unknown[] = [];
  io.use((socket, admit) => {
    shown.push(socket.handshake.auth);
    admit(shown.length > refusals ? undefined : new N2NError('UNAUTHENTICATED', 'token expired'));
  });
  return shown;
}

describe.each(TRANSPORTS)('the option auth, over %s', (transport) => {
  const startClient = clientsOver(transport);
  proveNothingIsLeft();

  it('is shown to the middlewares of the server', async () => {
    const { io, port } = await startServer();
    const shown = recordAuth(io);
    const { client, next } = startClient(port, { auth: { token: 'abc' } });
    client.connect();
    await next('connect');
    expect(shown).toEqual([{ token: 'abc' }]);
  });

  it('is an empty object by default, and when the function gives nothing', async () => {
    const { io, port } = await startServer();
    const shown = recordAuth(io);
    const plain = startClient(port);
    plain.client.connect();
    await plain.next('connect');
    const empty = startClient(port, { auth: () => undefined });
    empty.client.connect();
    await empty.next('connect');
    expect(shown).toEqual([{}, {}]);
  });

  it('is asked anew for every attempt when it is an async function', async () => {
    const { io, port } = await startServer();
    const shown = recordAuth(io, 2);
    let asked = 0;
    const auth = async () => Promise.resolve({ token: ++asked });
    const { client, clock, errors, next } = startClient(port, { auth });
    client.connect();
    await next('reconnecting');
    clock.advance(500);
    await next('reconnecting');
    clock.advance(1000);
    await next('reconnect');
    io.disconnectSockets(true);
    await next('reconnecting');
    clock.advance(500);
    await next('reconnect');
    expect(shown).toEqual([{ token: 1 }, { token: 2 }, { token: 3 }, { token: 4 }]);
    expect(errors.map((error) => error.type)).toEqual(['connect', 'connect']);
    expect(errors[0].message).toContain('token expired');
  });

  it.each([
    ['throws', () => Promise.reject(new RangeError('vault is sealed')), 'vault is sealed'],
    [
      'throws before it returns',
      () => {
        throw new RangeError('no vault');
      },
      'no vault',
    ],
    ['gives something else than an object', () => JSON.parse('"secret"'), 'an object'],
  ])('is a failed attempt when it %s', async (_case, auth, told) => {
    const { port } = await startServer();
    const { client, clock, errors, next } = startClient(port, { auth });
    client.connect();
    expect(await next('reconnecting')).toEqual([500, 1]);
    expect(errors).toHaveLength(1);
    expect(errors[0].type).toBe('connect');
    expect(errors[0].message).toContain(told);
    expect(errors[0].message).not.toContain('secret');
    expect(clock.armed).toEqual([500]);
  });

  it('is a failed attempt when it gives no answer within connectTimeout', async () => {
    const { port } = await startServer();
    const { client, clock, errors, events, next } = startClient(port, { auth: () => new Promise(() => {}) });
    client.connect();
    const failed = next('reconnecting');
    clock.advance(10_000);
    await failed;
    expect(errors[0].message).toContain('"auth" did not settle');
    expect(events).toEqual([
      ['error', 'connect'],
      ['reconnecting', 500, 1],
    ]);
  });
});
