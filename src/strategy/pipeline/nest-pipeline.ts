import { ListenersController } from '@nestjs/microservices/listeners-controller.js';
import { isAsyncIterable } from '../../rpc/streams/stream-iterator.js';
import type { ReportError } from '../handlers/handler-error.js';
import { N2NContext } from '../n2n-context.js';
import { observed } from './call-iterables.js';

/** The part of Nest's `InterceptorsConsumer` that is used here. */
interface Interceptors {
  intercept(
    interceptors: readonly unknown[],
    args: readonly unknown[],
    instance: unknown,
    callback: unknown,
    next: () => Promise<unknown>,
    type: unknown,
  ): Promise<unknown>;
}

/** The part of Nest's `ListenersController` that is used here. */
interface Listeners {
  registerPatternHandlers: (this: Listeners, controller: unknown, server: object, moduleKey: string) => void;
}

/** The servers whose handlers may return iterables. Each has a function that reports errors which no caller gets. */
const servers = new WeakMap<object, ReportError>();
/** The servers whose handlers Nest has registered with the `registerPatternHandlers` below. */
const joined = new WeakSet<object>();
let isInstalled = false;

/**
 * Lets Nest's pipeline see the values of the iterables that the server's handlers return. Interceptors, pre-request hooks
 * and exception filters get an Observable of the values. Nest itself treats an iterable as one value.
 *
 * Nest has no public API for this. A strategy gets handlers that already include the pipeline. An interceptor of a
 * strategy would be the outermost, and the inner ones would not see the values. This function therefore replaces one
 * method of Nest, which registers the handlers of a controller. Its behaviour for other transports is unchanged.
 * `hasJoined` tells whether the replacement worked.
 */
export function joinPipeline(server: object, report: ReportError): void {
  servers.set(server, report);
  if (isInstalled) return;
  isInstalled = true;
  const prototype = ListenersController.prototype as unknown as Listeners;
  const original = prototype.registerPatternHandlers;
  if (typeof original !== 'function') return;
  prototype.registerPatternHandlers = function registerPatternHandlers(controller, target, moduleKey) {
    const reportOfServer = servers.get(target);
    const listeners = reportOfServer === undefined ? undefined : withIterables(this, reportOfServer);
    if (listeners !== undefined) joined.add(target);
    original.call(listeners ?? this, controller, target, moduleKey);
  };
}

/** Whether the pipeline of the server's handlers sees the values of iterables. */
export function hasJoined(server: object): boolean {
  return joined.has(server);
}

/** Derives a controller with another interceptors consumer; undefined if Nest's internals differ from the known ones. */
function withIterables(listeners: Listeners, report: ReportError): Listeners | undefined {
  const creator = partOf(listeners, 'contextCreator');
  const consumer = creator === undefined ? undefined : partOf(creator, 'interceptorsConsumer');
  if (creator === undefined || consumer === undefined || !isInterceptors(consumer)) return undefined;
  const interceptorsConsumer = derived(consumer, { intercept: interceptWith(consumer, report) });
  return derived(listeners, { contextCreator: derived(creator, { interceptorsConsumer }) });
}

function interceptWith(consumer: Interceptors, report: ReportError): Interceptors['intercept'] {
  return (interceptors, args, instance, callback, next, type) => {
    const [, context] = args;
    if (!(context instanceof N2NContext)) {
      return consumer.intercept(interceptors, args, instance, callback, next, type);
    }
    const handle = (): Promise<unknown> =>
      next().then((result) => (isAsyncIterable(result) ? observed(result, context, report) : result));
    // The same result as Nest's consumer without interceptors, with one promise less.
    if (interceptors.length === 0) return handle();
    return consumer.intercept(interceptors, args, instance, callback, handle, type);
  };
}

function isInterceptors(value: object): value is Interceptors {
  return typeof (value as Partial<Interceptors>).intercept === 'function';
}

function partOf(whole: object, name: string): object | undefined {
  const part: unknown = Reflect.get(whole, name);
  return typeof part === 'object' && part !== null ? part : undefined;
}

function derived<Base extends object>(base: Base, own: Record<string, unknown>): Base {
  return Object.assign(Object.create(base) as Base, own);
}
