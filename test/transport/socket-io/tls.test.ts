import { socketIoSuite } from './socket-io.suite.js';
import { tlsPlace } from './place.js';

socketIoSuite('nodeTransport and TLS', tlsPlace);
