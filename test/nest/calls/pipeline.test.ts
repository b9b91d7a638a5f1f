import { BUILDERS } from '../../support/service.js';
import { describePipeline } from './pipeline.suite.js';

for (const builder of BUILDERS) describePipeline(builder);
