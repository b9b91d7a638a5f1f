import { BUILDERS } from '../../support/service.js';
import { describePayloads } from './payload.suite.js';

for (const builder of BUILDERS) describePayloads(builder);
