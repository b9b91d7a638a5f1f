import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { opening, rawClient, startTarget } from './target.js';
import { proveNothingIsLeft } from '../../support/harness.js';

const query = (rest: string): { query: string } => ({ query: rest });
const headers = (...rest: string[]): { headers: string[] } => ({ headers: rest });
const upgrade = (token: string, ...rest: string[]) =>
  headers('Connection: Upgrade', `Upgrade: ${token}`, ...rest);

describe('a handshake that is wrong', () => {
  proveNothingIsLeft();

  it.each<[string, string, string, RegExp | undefined]>([
    ['upgrades to websocket', opening(upgrade('websocket')), '400', /Wrong upgrade/],
    ['upgrades to a list', opening(upgrade('node-transport, websocket')), '400', /Wrong upgrade/],
    ['upgrades to nothing', opening(upgrade('x'.repeat(9_000))), '400', /Wrong upgrade/],
    ['has no EIO', opening(query('transport=nodeTransport')), '400', /Unsupported protocol version/],
    ['has EIO 3', opening(query('EIO=3&transport=nodeTransport')), '400', /Unsupported protocol version/],
    ['has EIO 5', opening(query('EIO=5&transport=nodeTransport')), '400', /Unsupported protocol version/],
    ['has an odd EIO', opening(query('EIO=4abc&transport=nodeTransport')), '400', /Unsupported protocol/],
    ['has two EIO', opening(query('EIO=4&EIO=3&transport=nodeTransport')), '400', /Unsupported protocol/],
    [
      'has an unknown sid',
      opening(query('EIO=4&transport=nodeTransport&sid=none')),
      '400',
      /Session ID unknown/,
    ],
    ['has an empty sid', opening(query('EIO=4&transport=nodeTransport&sid=')), '400', /Session ID unknown/],
    [
      'has the sid __proto__',
      opening(query('EIO=4&transport=nodeTransport&sid=__proto__')),
      '400',
      /ID unknown/,
    ],
    ['has no transport', opening(query('EIO=4')), '400', /Transport unknown/],
    ['has an unknown transport', opening(query('EIO=4&transport=pigeon')), '400', /Transport unknown/],
    ['has the transport __proto__', opening(query('EIO=4&transport=__proto__')), '400', /Transport unknown/],
    [
      'has the transport constructor',
      opening(query('EIO=4&transport=constructor')),
      '400',
      /Transport unknown/,
    ],
    ['has the transport polling', opening(query('EIO=4&transport=polling')), '400', /Transport unknown/],
    [
      'has the transport webtransport',
      opening(query('EIO=4&transport=webtransport')),
      '400',
      /Transport unknown/,
    ],
    ['has a query of nothing', opening(query('')), '400', /Transport unknown/],
    [
      'has a broken query',
      opening(query('%&%zz&=&==&[]=1&EIO[]=4&transport[a]=x')),
      '400',
      /Transport unknown/,
    ],
    [
      'has bytes that are no UTF-8 in the query',
      opening(query('EIO=4&transport=%ff%fe')),
      '400',
      /Transport unknown/,
    ],
    [
      'has a query of 8 KiB',
      opening(query(`EIO=4&transport=${'x'.repeat(8_000)}`)),
      '400',
      /Transport unknown/,
    ],
    ['has another method', opening({ method: 'POST' }), '400', /Bad handshake method/],
    ['is HTTP/1.0', opening({ version: '1.0' }), '400', /HTTP\/1\.1/],
    ['has bytes before the 101', `${opening()}\u0004\u0000\u0000\u0000\u0000`, '400', /Early bytes/],
    [
      'has a body',
      `${opening(upgrade('node-transport', 'Content-Length: 3'))}abc`,
      '400',
      /Early bytes|body/,
    ],
    // What follows is answered by Node, before any of ours is asked.
    ['has no Host', 'GET /socket.io/?EIO=4 HTTP/1.1\r\nConnection: close\r\n\r\n', '400', undefined],
    [
      'has headers of 20 KiB',
      opening(upgrade('node-transport', `X-Long: ${'x'.repeat(20_000)}`)),
      '431',
      undefined,
    ],
    ['has a header that is none', opening(upgrade('node-transport', 'no colon')), '400', undefined],
    [
      'has a control character in a header',
      opening(upgrade('node-transport', 'X-Bad: a\u0001b')),
      '400',
      undefined,
    ],
    ['is no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', '400', undefined],
    ['is HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400', undefined],
  ])('that %s is refused, and its connection closed', async (_case, request, status, log) => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.write(request);
    expect(await client.answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (log !== undefined) {
      expect(await target.logger.line(/refused/)).toMatch(log);
      expect(target.logger.lines).toHaveLength(1);
    }
    // The client keeps its half open for as long as it can: the server must not wait for it.
    await target.expectUnharmed();
  });

  it('that has the sid of somebody else is refused, and does them no harm', async () => {
    const target = await startTarget();
    for (const transport of ['nodeTransport', 'pigeon']) {
      const client = rawClient(target.port);
      client.socket.write(opening(query(`EIO=4&transport=${transport}&sid=${target.sid}`)));
      expect(await client.answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    await target.expectUnharmed();
  });

  it('that sends nothing further after its first line is Node’s to time out, and is gone when it goes', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.write('GET /socket.io/?EIO=4&transport=nodeTransport HTTP/1.1\r\n');
    await once(target.http, 'connection');
    client.socket.destroy();
    await target.expectUnharmed();
  });

  it.each<[string, string[]]>([
    ['off', ['nodeTransport', 'websocket']],
    ['on', ['nodeTransport', 'websocket', 'polling']],
  ])('that is a plain GET, with polling %s, is answered and opens nothing', async (_polling, transports) => {
    const target = await startTarget({ transports });
    for (const more of ['', '&sid=none', `&sid=${target.sid}`]) {
      const client = rawClient(target.port);
      client.socket.write(
        opening({ query: `EIO=4&transport=nodeTransport${more}`, headers: ['Connection: close'] }),
      );
      expect(await client.answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    await target.expectUnharmed();
  });

  it.each<[string, string[]]>([
    ['without websocket', ['nodeTransport', 'polling']],
    ['with websocket', ['nodeTransport', 'polling', 'websocket']],
  ])('that upgrades to polling, where polling is on %s, is refused', async (_case, transports) => {
    const target = await startTarget({ transports });
    for (const token of ['node-transport', 'websocket']) {
      const client = rawClient(target.port);
      client.socket.write(opening({ query: 'EIO=4&transport=polling', ...upgrade(token) }));
      expect(await client.answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    await target.expectUnharmed();
  });
});

describe('pipelined requests', () => {
  proveNothingIsLeft();

  const plain = 'GET /words HTTP/1.1\r\nHost: localhost\r\n\r\n';

  it('before a handshake are answered, and the handshake is refused while an answer is under way', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    let slow: (() => void) | undefined;
    target.http.removeAllListeners('request').on('request', (_request, response) => {
      slow = () => response.end('words');
    });
    client.socket.write(plain + opening());
    // The end of the connection, since the answers of two protocols cannot share it.
    await client.answer;
    slow?.();
    expect(await target.logger.line(/refused/)).toMatch(/the previous request/);
    target.http.removeAllListeners('request');
    target.http.on('request', (_request, response) => response.end());
    await target.expectUnharmed();
  });

  it('before a handshake, answered already, do no harm', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.write(plain);
    await client.seen('404');
    client.socket.write(opening());
    await client.seen('"sid":');
    client.socket.destroy();
    await target.expectUnharmed();
  });

  it('after a handshake are no packets', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.write(opening() + plain);
    expect(await client.answer).toMatch(/^HTTP\/1\.1 400 /);
    await target.expectUnharmed();
  });

  it('after an open connection are no packets either', async () => {
    const target = await startTarget();
    const client = rawClient(target.port);
    client.socket.write(opening());
    await client.seen('"sid":');
    client.socket.write(plain);
    await client.answer;
    expect(await target.logger.line(/warn/)).toMatch(/Unknown packet type 0x47/);
    await target.expectUnharmed();
  });
});
