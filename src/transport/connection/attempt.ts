import type { Socket } from 'socket.io-client';
import { messageOf, N2NError } from '../../n2n-error.js';
import type { AuthData, ResolvedNodeClientOptions } from '../node-client/node-client-options.js';
import { isRecord } from '../option-checks.js';
import { Connection } from './connection.js';
import { Dial } from './dial.js';
import { transportFailure, type DialFailure } from './dial-failure.js';
import { addressLabel } from './server-address.js';

/**
 * The step of an attempt that follows Socket.IO's own handshake. The attempt connects when this step succeeds. If it
 * rejects, the attempt fails with its error.
 *
 * @param signal aborted when the attempt is cancelled
 */
export type HandshakeStep<Agreed> = (socket: Socket, signal: AbortSignal) => Promise<Agreed>;

/** The handshake step of a client that needs only Socket.IO's own handshake. */
export const noHandshake: HandshakeStep<void> = () => Promise.resolve();

/**
 * Makes one attempt to connect: credentials, DNS, TCP or TLS, upgrade, Engine.IO, Socket.IO, and the handshake step. It
 * tries the transports in order. Each gets an equal share of the remaining `connectTimeout`, so that there is time for the
 * next transport if one hangs behind a proxy.
 *
 * @throws N2NError `CONNECT_FAILED`, the error of the handshake step, or the reason of `signal`
 */
export async function attemptConnection<Agreed>(
  options: ResolvedNodeClientOptions,
  handshake: HandshakeStep<Agreed>,
  signal: AbortSignal,
): Promise<Connection<Agreed>> {
  const deadline = options.clock.now() + options.connectTimeout;
  const auth = await authenticate(options, signal);
  const { dial, missed } = await dialInTurn(options, auth, deadline, signal);
  try {
    const agreed = await handshake(dial.socket, signal);
    signal.throwIfAborted();
    return new Connection(dial, agreed, options, missed);
  } catch (error) {
    dial.close();
    throw error;
  }
}

interface Dialed {
  readonly dial: Dial;
  /** The transports that failed before, with their reasons. */
  readonly missed: readonly string[];
}

async function dialInTurn(
  options: ResolvedNodeClientOptions,
  auth: AuthData,
  deadline: number,
  signal: AbortSignal,
): Promise<Dialed> {
  const { transports, clock } = options;
  const missed: string[] = [];
  let last: DialFailure | undefined;
  for (const [index, transport] of transports.entries()) {
    const dial = new Dial(transport, options, auth);
    const share = Math.max(1, Math.ceil((deadline - clock.now()) / (transports.length - index)));
    // oxlint-disable-next-line no-await-in-loop -- a transport is tried when the one before it has failed
    last = await dialWithin(dial, share, options, signal);
    if (last === undefined) return { dial, missed };
    missed.push(`${transport.name}: ${last.message}`);
    if (last.isFinal) break;
  }
  throw connectFailed(options, missed.join('; '), last?.cause, last?.data);
}

/** @returns the failure; undefined if the transport has connected */
async function dialWithin(
  dial: Dial,
  milliseconds: number,
  { clock }: ResolvedNodeClientOptions,
  signal: AbortSignal,
): Promise<DialFailure | undefined> {
  const disarm = (): void => {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
  const giveUp = (reason: string): void => {
    disarm();
    dial.fail(transportFailure(reason));
  };
  const onAbort = (): void => giveUp('given up');
  const onTimeout = (): void => giveUp(`no connection within ${milliseconds} ms`);
  const timer = clock.setTimeout(onTimeout, milliseconds, 'wait-again');
  signal.addEventListener('abort', onAbort);
  const failure = await dial.open();
  disarm();
  if (failure === undefined && signal.aborted) dial.close();
  signal.throwIfAborted();
  return failure;
}

/** Calls `auth` once for the whole attempt. */
async function authenticate(options: ResolvedNodeClientOptions, signal: AbortSignal): Promise<AuthData> {
  const auth = await answerOf(options, signal);
  if (auth === undefined) return {};
  if (!isRecord(auth)) throw connectFailed(options, '"auth" did not return an object', undefined);
  try {
    // Socket.IO encodes it when the transport is open. Nobody would get an error then.
    JSON.stringify(auth);
  } catch (error) {
    throw connectFailed(
      options,
      `the result of "auth" cannot be written as JSON: ${messageOf(error)}`,
      error,
    );
  }
  return auth;
}

function answerOf(options: ResolvedNodeClientOptions, signal: AbortSignal): Promise<AuthData | undefined> {
  const { auth, clock, connectTimeout } = options;
  return new Promise((resolve, reject) => {
    const settle = (tell: () => void): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      tell();
    };
    const fail = (reason: string, cause?: unknown): void =>
      settle(() => reject(connectFailed(options, reason, cause)));
    const onAbort = (): void => settle(() => reject(signal.reason as N2NError));
    const onTimeout = (): void => fail('"auth" did not settle within "connectTimeout"');
    const timer = clock.setTimeout(onTimeout, connectTimeout, 'wait-again');
    signal.addEventListener('abort', onAbort);
    const ask = async (): Promise<AuthData | undefined> => {
      // If `auth` throws, the attempt fails, and not the call that started it. A cancelled attempt does not call `auth`.
      await Promise.resolve();
      signal.throwIfAborted();
      return auth();
    };
    ask().then(
      (answer) => settle(() => resolve(answer)),
      (error: unknown) => fail(`"auth" failed: ${messageOf(error)}`, error),
    );
  });
}

function connectFailed(
  { address }: ResolvedNodeClientOptions,
  reason: string,
  cause: unknown,
  data?: unknown,
): N2NError {
  const message = `Cannot connect to ${addressLabel(address)}: ${reason}. Check that the server runs there and accepts this client.`;
  return new N2NError('CONNECT_FAILED', message, {
    cause,
    ...(data === undefined ? {} : { details: { data } }),
  });
}
