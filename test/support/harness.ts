// What every test with a connection needs, written for the transport's tests and shared here.
export { HOST, atEnd, deferred, freePort, portOf, proveNothingIsLeft, turn } from '../transport/harness.js';
export type { Deferred } from '../transport/harness.js';
export { FakeClock } from './fake-clock.js';
