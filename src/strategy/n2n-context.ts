import { BaseRpcContext } from '@nestjs/microservices';
import type { SocketIoSocket } from '../transport/socket-io-server.js';

type ContextArguments = [pattern: string, metadata: unknown, socket: SocketIoSocket];

/** What a handler can learn about the call that it serves, beside its payload: `@Ctx() context: N2NContext`. */
export class N2NContext extends BaseRpcContext<ContextArguments> {
  constructor(pattern: string, metadata: unknown, socket: SocketIoSocket) {
    super([pattern, metadata, socket]);
  }

  /** The pattern of the call, as the caller's side has spelled it: object patterns are JSON with sorted keys. */
  getPattern(): string {
    return this.args[0];
  }

  /** What the caller's dispatch hook attached to the call; undefined where it attached nothing. */
  getMetadata(): unknown {
    return this.args[1];
  }

  /** The Socket.IO socket that the call came on: its `handshake`, `data` and rooms. */
  getSocket(): SocketIoSocket {
    return this.args[2];
  }
}
