import { socketIoSuite } from './socket-io.suite.js';
import { tlsPlace } from './socket-io/place.js';

socketIoSuite('nodeTransport and TLS', tlsPlace);
