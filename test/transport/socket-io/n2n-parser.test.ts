import { socketIoSuite } from './socket-io.suite.js';
import { nodeTransportPlace, websocketPlace, withN2nParser } from './place.js';

// Stock clients, which know nothing of the server's parser.
socketIoSuite('WebSocket, with n2nParser on the server,', withN2nParser(websocketPlace));
socketIoSuite('nodeTransport, with n2nParser on the server,', withN2nParser(nodeTransportPlace));
