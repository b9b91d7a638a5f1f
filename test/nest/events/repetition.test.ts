import { BUILDERS } from '../../support/service.js';
import { WAYS } from '../../support/ways.js';
import { describeAcknowledged, describeRepetition } from './repetition.suite.js';

for (const way of WAYS) describeAcknowledged(way);
for (const builder of BUILDERS) describeRepetition(builder);
