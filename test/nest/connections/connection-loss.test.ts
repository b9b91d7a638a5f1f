import { describeConnectionLoss } from './connection-loss.suite.js';

for (const transport of ['nodeTransport', 'websocket']) describeConnectionLoss(transport);
