import { ListenersController } from '@nestjs/microservices/listeners-controller.js';
import type { ReportError } from '../handlers/handler-error.js';
import { isAsyncIterable } from '../handlers/is-async-iterable.js';
import { N2NContext } from '../n2n-context.js';
import { observed } from './call-iterables.js';

/** `InterceptorsConsumer` of Nest, as far as it is used here. */
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

/** `ListenersController` of Nest, as far as it is used here. */
interface Listeners {
  registerPatternHandlers: (this: Listeners, controller: unknown, server: object, moduleKey: string) => void;
}

/** The servers whose handlers give iterables, and where errors go that no caller can get. */
const servers = new WeakMap<object, ReportError>();
/** Those for which Nest has registered handlers by way of `registerPatternHandlers` below. */
const joined = new WeakSet<object>();
let isInstalled = false;

/**
 * Lets Nest's pipeline see the values of the iterables that the server's handlers give: interceptors, pre-request hooks
 * and exception filters see an Observable of them. Nest itself takes an iterable for one value.
 *
 * Nest has no public place for this. A strategy gets handlers that have their pipeline around them, and an interceptor that
 * a strategy could bring is the outermost, where the others must see the values. So this replaces one method of Nest's, which
 * hands over the handlers of a controller; for other transports it does what it did. `hasJoined` says whether it worked.
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

/** Whether the pipeline around the handlers that Nest has registered for the server sees the values of iterables. */
export function hasJoined(server: object): boolean {
  return joined.has(server);
}

/** The same, with another consumer of interceptors around its handlers; undefined where Nest is not as it is known. */
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
    // What Nest does where there are none, but for one promise.
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
