import { BUILDERS } from '../../support/service.js';
import { describeCancellation } from './cancellation.suite.js';

for (const builder of BUILDERS) describeCancellation(builder);
