import { WAYS } from '../../support/ways.js';
import { describePressure } from './pressure.suite.js';

for (const way of WAYS) describePressure(way);
