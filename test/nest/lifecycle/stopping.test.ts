import { WAYS } from '../../support/ways.js';
import { describeStopping } from './stopping.suite.js';

for (const way of WAYS) describeStopping(way);
