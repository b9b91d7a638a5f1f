import { BUILDERS } from '../../support/service.js';
import { WAYS } from '../../support/ways.js';
import { describeReturn, describeSessions } from './sessions.suite.js';

for (const way of WAYS) describeSessions(way);
for (const builder of BUILDERS) describeReturn(builder);
