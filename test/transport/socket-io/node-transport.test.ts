import { socketIoSuite } from './socket-io.suite.js';
import { nodeTransportPlace } from './place.js';

socketIoSuite('nodeTransport', nodeTransportPlace);
