import { socketIoSuite } from './socket-io.suite.js';
import { unixPlace } from './place.js';

socketIoSuite('nodeTransport on a Unix socket', unixPlace);
