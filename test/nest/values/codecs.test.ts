import { BUILDERS } from '../../support/service.js';
import { WAYS } from '../../support/ways.js';
import { describeCodecMismatch, describeCodecs } from './codecs.suite.js';

for (const way of WAYS) describeCodecs(way);
for (const builder of BUILDERS) describeCodecMismatch(builder);
