import { WAYS } from '../support/ways.js';
import { describeCallMessages } from './calls.suite.js';

for (const way of WAYS) describeCallMessages(way);
