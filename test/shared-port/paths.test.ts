import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ListenSettings } from '../../src/node.js';
import { atEnd, HOST, proveNothingIsLeft, turn } from '../support/harness.js';
import { answerTo, bind, httpServer, OVER, serve, serveStock, upgradeAnswer, whoIsAt } from './harness.js';

describe('the path of a server', () => {
  proveNothingIsLeft();

  it.each(['/socket.io/x', '/socket.io/x/', '/socket.io/x/y?z', '/socket.io/', '/socket.io/?EIO=4'])(
    'has %s below it, as that of a Socket.IO server has',
    async (path) => {
      const [ours, stock] = [httpServer(), httpServer()];
      serve(ours);
      serveStock(stock, { transports: ['websocket'], serveClient: false });
      const answer = await answerTo(await bind(ours), path);
      expect(answer).toBe(await answerTo(await bind(stock), path));
      expect(answer).toBe('400 {"code":0,"message":"Transport unknown"}');
    },
  );

  it.each(['/socket.io', '/socket.io?EIO=4', '/socket.iox/', '/other'])(
    'does not have %s, which stays with the application',
    async (path) => {
      const http = httpServer();
      serve(http);
      expect(await answerTo(await bind(http), path)).toBe(`200 route ${path}`);
    },
  );

  it('answers where the HTTP server itself answers nothing', async () => {
    const http = createServer();
    const { logger } = serve(http);
    atEnd(() => http.close());
    const port = await bind(http);
    expect(await answerTo(port, '/socket.io/socket.io.js')).toMatch(/^400 /);
    expect(await answerTo(port, '/socket.io/?EIO=4&transport=polling')).toMatch(/^400 /);
    expect(await logger.line(/polling/)).toBe('warn a connection was refused: Transport unknown ("polling")');
    expect(await answerTo(port, '/socket.io/?EIO=4&transport=nodeTransport')).toMatch(/not an upgrade/);
  });

  it.each(OVER)('takes clients of %s below it', async (transport) => {
    const http = httpServer();
    serve(http);
    const port = await bind(http);
    expect(await whoIsAt(port, transport, { path: '/socket.io/deeper/' })).toBe('n2n');
  });

  it.each(OVER)('may be below that of another, over %s', async (transport) => {
    const http = httpServer();
    serve(http, {}, 'outer');
    serve(http, { path: '/socket.io/inner' }, 'inner');
    const port = await bind(http);
    expect(await whoIsAt(port, transport)).toBe('outer');
    expect(await whoIsAt(port, transport, { path: '/socket.io/inner/' })).toBe('inner');
  });

  it.each(OVER)('has no slash at its end with addTrailingSlash: false, over %s', async (transport) => {
    const http = httpServer();
    serve(http, { addTrailingSlash: false });
    const port = await bind(http);
    expect(await whoIsAt(port, transport, { addTrailingSlash: false, path: '/socket.io' })).toBe('n2n');
    expect(await whoIsAt(port, transport)).toBe('n2n');
    expect(await answerTo(port, '/socket.io')).toMatch(/^400 /);
    expect(await answerTo(port, '/socket.iox')).toBe('200 route /socket.iox');
  });
});

describe('an upgrade elsewhere', () => {
  proveNothingIsLeft();

  it('is refused at once where nobody else listens for any', async () => {
    const http = httpServer();
    serve(http);
    serve(http, { path: '/words' });
    expect(await upgradeAnswer(await bind(http), '/nowhere')).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('is refused in a while, with destroyUpgrade, where others listen and none answers', async () => {
    const http = httpServer();
    http.on('upgrade', () => {});
    serve(http, { destroyUpgrade: true, destroyUpgradeTimeout: 20 });
    expect(await upgradeAnswer(await bind(http), '/nowhere')).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each<[string, ListenSettings, boolean]>([
    ['with destroyUpgrade: false', { destroyUpgrade: false, destroyUpgradeTimeout: 1 }, false],
    ['where others listen', {}, true],
  ])('is left alone %s', async (_case, settings, hasOthers) => {
    const http = httpServer();
    if (hasOthers) http.on('upgrade', () => {});
    serve(http, settings);
    const port = await bind(http);
    const socket = connect(port, HOST);
    atEnd(() => socket.destroy());
    socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    let isOver = false;
    socket.on('data', () => (isOver = true)).on('close', () => (isOver = true));
    const [stream] = (await once(http, 'connection')) as [Socket];
    atEnd(() => stream.destroy());
    // As long as one would take to be refused.
    for (let round = 0; round < 10; round += 1) await answerTo(port, '/other');
    expect(isOver).toBe(false);
  });

  it('that is reset is nobody’s error', async () => {
    const http = httpServer();
    serve(http, { destroyUpgrade: false });
    const socket = connect(await bind(http), HOST);
    socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [stream] = (await once(http, 'connection')) as [Socket];
    // From then on, Node's own listener is off.
    while (!stream.listeners('error').some(({ name }) => name === 'ignore')) await turn();
    const closed = new Promise((resolve) => stream.once('close', resolve));
    socket.resetAndDestroy();
    await closed;
  });
});

describe('listen() takes no option that it does not heed', () => {
  it.each<[string, object, RegExp]>([
    ['a slash that is no boolean', { addTrailingSlash: 'no' }, /"addTrailingSlash".*true or false/],
    ['destroyUpgrade that is no boolean', { destroyUpgrade: 1 }, /"destroyUpgrade".*true or false/],
    ['a time that is none', { destroyUpgradeTimeout: -1 }, /"destroyUpgradeTimeout".*milliseconds/],
    ['serveClient, which it does not do', { serveClient: true }, /no option "serveClient"/],
    ['a misspelt one', { pingIntervall: 1 }, /no option "pingIntervall"/],
  ])('%s', (_case, settings, message) => {
    expect(() => serve(httpServer(), settings)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS', message: expect.stringMatching(message) }),
    );
  });
});
