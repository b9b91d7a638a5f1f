import type { MessageHandler } from '@nestjs/microservices';
import { isObservable } from 'rxjs';
import { isAsyncIterable } from '../../rpc/streams/stream-iterator.js';
import { pump } from '../../rpc/streams/stream-target.js';
import { errorForCaller, type ReportError } from './handler-error.js';
import { ObservableRun } from './observable-run.js';
import type { Responder } from './responder.js';

/**
 * Runs a handler and writes its result: a value, a promise, an Observable, an async iterable, or an error.
 *
 * Nest's base class passes every result through an Observable and `process.nextTick`, which costs 8 us a request. Here, a
 * promise of a plain value costs 0.8 us.
 */
export function runHandler(
  handler: MessageHandler,
  data: unknown,
  context: unknown,
  responder: Responder,
  report: ReportError,
): void {
  let result: unknown;
  try {
    result = handler(data, context);
  } catch (error) {
    responder.fail(errorForCaller(error, responder, report));
    return;
  }
  if (result instanceof Promise) {
    result.then(
      (value) => settle(value, context, responder, report),
      (error: unknown) => responder.fail(errorForCaller(error, responder, report)),
    );
  } else {
    settle(result, context, responder, report);
  }
}

function settle(value: unknown, context: unknown, responder: Responder, report: ReportError): void {
  if (typeof value !== 'object' || value === null) responder.reply(value);
  else if (isObservable(value)) new ObservableRun(responder, context, report).start(value);
  else if (isAsyncIterable(value))
    void pump(value, responder, (error) => errorForCaller(error, responder, report), report);
  else responder.reply(value);
}
