// For Nest services. Plain Node programs take `nestjs-n2n/node`, which imports no Nest.
export {
  N2NServer,
  N2N_TRANSPORT,
  type BroadcastTarget,
  type N2NServerEvents,
  type N2NServerStatus,
} from './strategy/n2n-server.js';
export type { N2NServerOptions } from './strategy/n2n-server-options.js';
export type { PeerClient, PeerRegistry } from './strategy/peer-client.js';
export { N2NContext } from './strategy/n2n-context.js';
export { N2NClient, type N2NClientEvents, type N2NClientStatus } from './client-proxy/n2n-client.js';
export type { N2NClientOptions } from './client-proxy/n2n-client-options.js';
export {
  N2NModule,
  InjectN2N,
  getN2NToken,
  type N2NModuleOptions,
  type N2NModuleAsyncOptions,
  type N2NOptionsFactory,
} from './client-proxy/n2n-module.js';
export type { CallProxy } from './call/call-proxy.js';
export type { CallHost } from './call/call-host.js';
export { N2NRecord, N2NRecordBuilder, type CallScope, type OfflinePolicy } from './call/record.js';
export type { CodecName, UserCodec } from './protocol/values/codec.js';
export { N2NError, N2N_ERROR_CODES, type N2NErrorCode, type N2NErrorInit } from './n2n-error.js';
export {
  N2N_CHANNELS,
  type AttemptEndMessage,
  type AttemptErrorMessage,
  type AttemptStartMessage,
  type CallEndMessage,
  type CallShedMessage,
  type CallStartMessage,
  type ConnectionCloseMessage,
  type ConnectionOpenMessage,
  type ErrorMessage,
  type N2NChannel,
  type N2NDiagnostics,
  type SessionEndMessage,
  type SessionInfo,
  type SessionMessage,
  type SessionResumeMessage,
} from './diagnostics.js';
