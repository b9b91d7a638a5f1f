import type { Server as SocketIoServer, ServerOptions } from 'socket.io';
import { messageOf } from '../../n2n-error.js';

type Next = (error?: Error) => void;
type Middleware = (subject: never, next: Next) => unknown;

type NameCheck = Extract<Parameters<SocketIoServer['of']>[0], (...args: never) => unknown>;

type RequestCheck = NonNullable<ServerOptions['allowRequest']>;

/** A namespace, or a socket with middlewares for its events. */
interface Guardable {
  use(middleware: Middleware): unknown;
}

/**
 * If a middleware throws, or its promise rejects, its client or event is refused. Socket.IO ignores the result of a middleware,
 * so the rejection of an async middleware would end the process.
 */
export function guardMiddlewares(io: SocketIoServer): void {
  const guarded = new WeakSet<object>();
  const guard = (given: object): void => {
    if (guarded.has(given)) return;
    guarded.add(given);
    const subject = given as Guardable;
    const use = subject.use.bind(subject);
    subject.use = (middleware) => {
      use(refusing(middleware));
      return subject;
    };
  };
  const guardNamespace = (namespace: ReturnType<SocketIoServer['of']>): void => {
    if (guarded.has(namespace)) return;
    guard(namespace);
    namespace.on('connection', guard);
  };
  guardNamespace(io.of('/'));
  io.on('new_namespace', guardNamespace);
  // For dynamic namespaces, `new_namespace` is emitted only after they have their middlewares.
  const of = io.of.bind(io);
  io.of = (name, onConnect) => {
    const namespace = of(typeof name === 'function' ? refusingName(name) : name, onConnect);
    guardNamespace(namespace);
    return namespace;
  };
}

function refusing(middleware: Middleware): Middleware {
  return (subject, next) => {
    let isOver = false;
    const once: Next = (error) => {
      if (isOver) return;
      isOver = true;
      next(error);
    };
    const run = async (): Promise<unknown> => middleware(subject, once);
    run().catch((reason: unknown) => once(asError(reason)));
  };
}

/** Whether a client may join a namespace of this name. A check that throws or rejects refuses it. */
function refusingName(isAllowed: NameCheck): NameCheck {
  return (name, auth, next) => {
    const run = async (): Promise<unknown> => isAllowed(name, auth, next);
    run().catch((reason: unknown) => next(asError(reason), false));
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}

/** Whether a request may connect. A check that throws or rejects refuses it. */
export function refusingRequest(check: RequestCheck): RequestCheck {
  return (request, decide) => {
    const run = async (): Promise<unknown> => check(request, decide);
    run().catch((reason: unknown) => decide(messageOf(reason), false));
  };
}
