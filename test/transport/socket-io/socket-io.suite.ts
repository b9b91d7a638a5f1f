import { describe } from 'vitest';
import { proveNothingIsLeft } from '../../support/harness.js';
import { acknowledgementSuite } from './suites/acknowledgements.suite.js';
import { binarySuite } from './suites/binary.suite.js';
import { connectionSuite } from './suites/connection.suite.js';
import { emitSuite } from './suites/emit.suite.js';
import { handshakeSuite } from './suites/handshake.suite.js';
import { heartbeatSuite } from './suites/heartbeat.suite.js';
import { limitSuite } from './suites/limit.suite.js';
import { middlewareSuite } from './suites/middleware.suite.js';
import { namespaceSuite } from './suites/namespace.suite.js';
import type { Place } from './place.js';
import { recoverySuite } from './suites/recovery.suite.js';
import { roomSuite } from './suites/room.suite.js';

/** What Socket.IO does between a stock client and a server, whatever carries it. */
export function socketIoSuite(name: string, place: Place): void {
  describe(`Socket.IO over ${name}`, () => {
    proveNothingIsLeft();
    connectionSuite(place);
    handshakeSuite(place);
    namespaceSuite(place);
    middlewareSuite(place);
    roomSuite(place);
    acknowledgementSuite(place);
    emitSuite(place);
    binarySuite(place);
    limitSuite(place);
    heartbeatSuite(place);
    recoverySuite(place);
  });
}
