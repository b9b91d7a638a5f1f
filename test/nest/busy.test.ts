import { BUILDERS } from '../support/service.js';
import { WAYS } from '../support/ways.js';
import {
  CALLERS_OF_PROCESSES,
  describeBusyCallers,
  describeBusyConnections,
  describeBusyHandshakes,
} from './busy.suite.js';

for (const builder of BUILDERS) {
  for (const caller of CALLERS_OF_PROCESSES) describeBusyCallers(caller, builder.name);
  describeBusyHandshakes(builder);
}
for (const way of WAYS) describeBusyConnections(way);
