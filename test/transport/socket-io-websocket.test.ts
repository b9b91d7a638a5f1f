import { socketIoSuite } from './socket-io.suite.js';
import { websocketPlace } from './socket-io/place.js';

socketIoSuite('WebSocket', websocketPlace);
