import { socketIoSuite } from './socket-io.suite.js';
import { websocketPlace } from './place.js';

socketIoSuite('WebSocket', websocketPlace);
