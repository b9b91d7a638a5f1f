import { WAYS } from '../support/ways.js';
import { describeRefusedValues } from './refused.suite.js';

for (const way of WAYS) describeRefusedValues(way);
