import { WAYS } from '../support/ways.js';
import { describeUserCodeOfCalls } from './calls.suite.js';

for (const way of WAYS) describeUserCodeOfCalls(way);
