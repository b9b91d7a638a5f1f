import { describe } from 'vitest';
import { proveNothingIsLeft } from './node-client/harness.js';
import { acknowledgementSuite } from './socket-io/acknowledgements.suite.js';
import { binarySuite } from './socket-io/binary.suite.js';
import { connectionSuite } from './socket-io/connection.suite.js';
import { emitSuite } from './socket-io/emit.suite.js';
import { handshakeSuite } from './socket-io/handshake.suite.js';
import { heartbeatSuite } from './socket-io/heartbeat.suite.js';
import { limitSuite } from './socket-io/limit.suite.js';
import { middlewareSuite } from './socket-io/middleware.suite.js';
import { namespaceSuite } from './socket-io/namespace.suite.js';
import type { Place } from './socket-io/place.js';
import { recoverySuite } from './socket-io/recovery.suite.js';
import { roomSuite } from './socket-io/room.suite.js';

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
