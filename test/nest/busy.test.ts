import { BUILDERS } from '../support/service.js';
import { WAYS } from '../support/ways.js';
import {
  BUSY_CALLERS,
  describeBusyCallers,
  describeBusyConnections,
  describeBusyHandshakes,
} from './busy.suite.js';

for (const builder of BUILDERS) {
  for (const caller of BUSY_CALLERS) describeBusyCallers(caller, builder.name);
  describeBusyHandshakes(builder);
}
for (const way of WAYS) describeBusyConnections(way);
