import { firstValueFrom, Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { N2NClient, N2NRecordBuilder } from '../../src/index.js';
import { atEnd, proveNothingIsLeft } from '../support/harness.js';
import { n2nErrorOf } from '../support/outcome.js';
import { recordingLogger } from '../support/recording-logger.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { BUILDERS, startService } from '../support/service.js';
import { hostOver } from '../support/ways.js';

const idle = scripted(() => new Observable((subscriber) => subscriber.next('price')));
const SOON = new N2NRecordBuilder(1).setTimeout(50).build();
const STARVED = /all 2 places \(maxInFlight\) of the connection were taken/;

describe.each(BUILDERS)('calls that wait behind idle streams, over $name', (builder) => {
  proveNothingIsLeft();

  test('are told of once, with the limit, though several give up', async () => {
    const { service, client } = await builder.start(idle, { maxInFlight: 2 });
    const { log } = service;
    const streams = [1, 2].map((index) => {
      const values = client.stream('call', new N2NRecordBuilder(index).setTimeout(0).build());
      atEnd(() => values.return?.());
      return values.next();
    });
    await Promise.all(streams);
    await n2nErrorOf(client.send('echo', SOON), 'TIMEOUT');
    await n2nErrorOf(client.send('echo', SOON), 'TIMEOUT');
    const line = await log.line(STARVED);
    expect(line).toMatch(/^warn The caller of "echo" gave up before.*the client at 127\.0\.0\.1/);
    expect(log.lines.filter((one) => STARVED.test(one))).toHaveLength(1);
  });
});

test('a client that hosts handlers has the line in its own log', async () => {
  const service = await startService(NO_HANDLERS);
  const log = recordingLogger();
  const client = new N2NClient({ url: service.url, logger: log });
  atEnd(() => client.close());
  await hostOver(client, idle, { maxInFlight: 2 });
  await client.connect();
  const [peer] = service.strategy.peers;
  const streams = [1, 2].map((index) => {
    const values = peer.stream('call', new N2NRecordBuilder(index).setTimeout(0).build());
    atEnd(() => values.return?.());
    return values.next();
  });
  await Promise.all(streams);
  await expect(firstValueFrom(peer.send('echo', SOON))).rejects.toMatchObject({ code: 'TIMEOUT' });
  await log.line(STARVED);
});
