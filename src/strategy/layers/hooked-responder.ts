import { currentContext } from '../../async-context.js';
import { errorForCaller, type ReportError } from '../handlers/handler-error.js';
import type { Responder } from '../handlers/responder.js';

/**
 * Runs the instrumentation's end hook once, before it passes on the outcome of a handler. The hook runs in the async
 * context in which the responder was created. A hook that throws fails only this call.
 */
export class HookedResponder implements Responder {
  private hook: (() => void) | undefined;
  private readonly context = currentContext();

  constructor(
    private readonly responder: Responder,
    onEnd: () => void,
    private readonly report: ReportError,
  ) {
    this.hook = onEnd;
  }

  get isStopped(): boolean {
    return this.responder.isStopped;
  }

  get isReady(): boolean {
    return this.responder.isReady;
  }

  whenReady(callback: () => void): void {
    this.responder.whenReady(callback);
  }

  next(value: unknown): void {
    this.responder.next(value);
  }

  reply(value: unknown): void {
    this.end(() => this.responder.reply(value));
  }

  complete(): void {
    this.end(() => this.responder.complete());
  }

  fail(error: unknown): void {
    this.end(() => this.responder.fail(error));
  }

  whenCancelled(stop: (reason: unknown) => void): void {
    this.responder.whenCancelled(stop);
  }

  private end(passOn: () => void): void {
    const { hook } = this;
    this.hook = undefined;
    try {
      if (hook !== undefined) this.context.runInAsyncScope(hook);
    } catch (error) {
      this.responder.fail(errorForCaller(error, this.responder, this.report));
      return;
    }
    passOn();
  }
}
