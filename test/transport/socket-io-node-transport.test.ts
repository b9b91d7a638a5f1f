import { socketIoSuite } from './socket-io.suite.js';
import { nodeTransportPlace } from './socket-io/place.js';

socketIoSuite('nodeTransport', nodeTransportPlace);
