import { BUILDERS } from '../../support/service.js';
import { describeRefusal } from './refusal.suite.js';

for (const builder of BUILDERS) describeRefusal(builder);
