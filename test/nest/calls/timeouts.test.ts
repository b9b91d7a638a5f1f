import { WAYS } from '../../support/ways.js';
import { describeTimeouts } from './timeouts.suite.js';

for (const way of WAYS) describeTimeouts(way);
