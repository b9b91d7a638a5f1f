import { BUILDERS } from '../support/service.js';
import { describeConnectionMessages } from './connections.suite.js';

for (const builder of BUILDERS) describeConnectionMessages(builder);
