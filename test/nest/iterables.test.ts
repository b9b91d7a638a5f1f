import { describe, expect, test } from 'vitest';
import { proveNothingIsLeft } from '../support/harness.js';
import { NO_HANDLERS, scripted } from '../support/scripted.js';
import { BUILDERS, startService } from '../support/service.js';
import { WAYS } from '../support/ways.js';
import { describeIterablePressure } from './iterable-pressure.suite.js';
import { describeIterables, describeIterablesOfStockClients } from './iterables.suite.js';

for (const way of WAYS) {
  describeIterables(way);
  describeIterablePressure(way);
}
for (const builder of BUILDERS) describeIterablesOfStockClients(builder);

describe('a service whose Nest hands over handlers in another way', () => {
  proveNothingIsLeft();

  test('is told when it starts that its pipeline does not see iterables', async () => {
    const { strategy, log } = await startService(NO_HANDLERS);
    await strategy.close();
    strategy.addHandler('by Nest', async () => 1, false, {});
    await new Promise<unknown>((resolve) => strategy.listen(resolve));
    expect(await log.line(/exception filters do not get its errors.*npm ls @nestjs\/microservices/)).toMatch(
      /^warn/,
    );
  });

  test('is told nothing where all is well, or where the handlers are not from Nest', async () => {
    const { strategy, log } = await startService(scripted(() => 1));
    await strategy.close();
    strategy.addHandler('by hand', async () => 1);
    await new Promise<unknown>((resolve) => strategy.listen(resolve));
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});
