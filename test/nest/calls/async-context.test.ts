import { WAYS } from '../../support/ways.js';
import { asyncContextSuite, hookContextSuite } from './async-context.suite.js';

for (const way of WAYS) {
  asyncContextSuite(way);
  hookContextSuite(way);
}
