// For Node programs without Nest: nothing below this file imports it.
export {
  NodeClient,
  // The name that `node2node-socket.io` had for it.
  NodeClient as nodeClient,
} from './transport/node-client/node-client.js';
export type { NodeClientError, NodeClientEvents } from './transport/node-client/node-client-events.js';
export type { AuthData, NodeClientOptions, TlsOptions } from './transport/node-client/node-client-options.js';
export { listen, type ListenSettings } from './transport/http/listen.js';
export type { ListenOptions } from './transport/http/listen-options.js';
export { addTransport, type TransportDefinition } from './transport/engine/transport-registry.js';
export { NodeEngine, type NodeEngineOptions } from './transport/engine/node-engine.js';
export {
  NODE_TRANSPORT,
  NodeClientTransport,
  NodeServerTransport,
} from './transport/engine/node-transport.js';
export { StreamClientTransport, type StreamOpening } from './transport/engine/stream-client-transport.js';
export { StreamServerTransport } from './transport/engine/stream-server-transport.js';
export { LOG_LEVELS, type Logger, type LogLevel } from './transport/logger.js';
export { N2NError, N2N_ERROR_CODES, type N2NErrorCode, type N2NErrorInit } from './n2n-error.js';
export {
  N2N_CHANNELS,
  type AttemptEndMessage,
  type AttemptErrorMessage,
  type AttemptStartMessage,
  type ConnectionCloseMessage,
  type ConnectionOpenMessage,
  type N2NChannel,
  type N2NDiagnostics,
} from './diagnostics.js';
