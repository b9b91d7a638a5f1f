import { WAYS } from '../../support/ways.js';
import { describePayloadStreams } from './payload-streams.suite.js';

for (const way of WAYS) describePayloadStreams(way);
