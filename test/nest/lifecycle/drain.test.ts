import { BUILDERS } from '../../support/service.js';
import { WAYS } from '../../support/ways.js';
import { describeDeparture, describeDrain, describeHosting } from './drain.suite.js';

for (const way of WAYS) describeDrain(way);
for (const builder of BUILDERS) {
  describeDeparture(builder);
  describeHosting(builder);
}
