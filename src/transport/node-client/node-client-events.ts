/** Something went wrong that the client reports and, where it can, goes on from. */
export interface NodeClientError {
  /**
   * What failed:
   * - `connect`: an attempt to connect, refused handshakes and failed `auth` functions included
   * - `disconnect`: a connection that was there; the `disconnect` event has told so already
   * - `send`: a buffered message that could not be encoded, and was dropped
   */
  readonly type: 'connect' | 'disconnect' | 'send';
  /** What happened, for people. */
  readonly message: string;
  /** What it was made of: an `N2NError`, whose own `cause` is the error of the system or the library underneath. */
  readonly cause?: unknown;
}

/** The events of `NodeClient`, with what their listeners are given. */
export interface NodeClientEvents {
  /** The connection is there. What `send` had buffered is on its way already. */
  connect: [];
  /** A connection that was there is gone; `reason` is as Socket.IO gives it, such as `transport close`. */
  disconnect: [reason: string];
  /** The server sent a message. Further arguments of its `send` follow, an acknowledgement callback last. */
  message: [data: unknown, ...more: unknown[]];
  /** Attempt `attempt`, counted from 1, is going to be made in `delay` milliseconds. */
  reconnecting: [delay: number, attempt: number];
  /** Attempt `attempt` succeeded. Follows `connect`. */
  reconnect: [attempt: number];
  /** The last of `maxReconnectionAttempts` failed: the client is idle until `connect()`. */
  'reconnect-failed': [];
  /** The same as `reconnect-failed`. */
  reconnect_failed: [];
  /** See {@link NodeClientError}. When nobody listens it is logged; it never throws. */
  error: [error: NodeClientError];
}
