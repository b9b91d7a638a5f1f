import { WAYS } from '../../support/ways.js';
import { describeBoundCalls } from './linked-calls.suite.js';

for (const way of WAYS) describeBoundCalls(way);
