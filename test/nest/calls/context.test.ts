import { BUILDERS } from '../../support/service.js';
import { WAYS } from '../../support/ways.js';
import { describePeers, describeRecords } from './context.suite.js';

for (const way of WAYS) describeRecords(way);
for (const builder of BUILDERS) describePeers(builder);
