/** An error that the client reports. The client continues if it can. */
export interface NodeClientError {
  /**
   * What failed:
   * - `connect`: an attempt to connect. This includes refused handshakes and `auth` functions that throw.
   * - `disconnect`: a connection. The event `disconnect` comes before this error.
   * - `send`: a buffered message that was not serializable, and was dropped.
   */
  readonly type: 'connect' | 'disconnect' | 'send';
  /** A text for people that says what happened. */
  readonly message: string;
  /** An `N2NError`. Its own `cause` is the underlying error of the system or a library. */
  readonly cause?: unknown;
}

/** The events of `NodeClient`, with the arguments of their listeners. */
export interface NodeClientEvents {
  /** The client is connected, and has sent the buffered messages. */
  connect: [];
  /** The connection was closed or lost. `reason` is Socket.IO's, such as `transport close`. */
  disconnect: [reason: string];
  /** The server sent a message. Further arguments of its `send` follow; an acknowledgement callback comes last. */
  message: [data: unknown, ...more: unknown[]];
  /** The client will make attempt number `attempt`, counted from 1, in `delay` milliseconds. */
  reconnecting: [delay: number, attempt: number];
  /** Attempt `attempt` succeeded. It is emitted after `connect`. */
  reconnect: [attempt: number];
  /** The last of `maxReconnectionAttempts` failed. The client is idle until `connect()`. */
  'reconnect-failed': [];
  /** The same as `reconnect-failed`. */
  reconnect_failed: [];
  /** See {@link NodeClientError}. If nobody listens, the error is logged. It is never thrown. */
  error: [error: NodeClientError];
}
