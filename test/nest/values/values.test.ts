import { BUILDERS } from '../../support/service.js';
import { describeValues } from './values.suite.js';

for (const builder of BUILDERS) describeValues(builder);
