// What every test with a connection needs, written for the transport's tests and shared here.
export {
  HOST,
  atEnd,
  deferred,
  freePort,
  portOf,
  proveNothingIsLeft,
  TRANSPORTS,
  turn,
} from '../transport/node-client/harness.js';
export type { Deferred } from '../transport/node-client/harness.js';
export { FakeClock } from '../transport/node-client/fake-clock.js';
