import { WAYS } from '../../support/ways.js';
import { describeStreams } from './streams.suite.js';

for (const way of WAYS) describeStreams(way);
