import { describeDrain } from '../nest/drain.suite.js';
import { describeSessions } from '../nest/sessions.suite.js';
import { describeStopping } from '../nest/stopping.suite.js';
import { PLACED_WAYS } from '../support/places.js';

for (const way of PLACED_WAYS) {
  describeDrain(way);
  describeSessions(way);
  describeStopping(way);
}
