import { BUILDERS } from '../support/service.js';
import { describeUserCodeOfConnections } from './connections.suite.js';

for (const builder of BUILDERS) describeUserCodeOfConnections(builder);
