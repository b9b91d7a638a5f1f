import { RpcException } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import type { Responder } from './responder.js';

/** Reports an error that no exception filter has handled, before it is masked. */
export type ReportError = (error: unknown) => void;

/** The error that the caller gets for an internal error, as with Nest's other transports. */
const MASKED = { status: 'error', message: 'Internal server error' } as const;

/**
 * Applies the rules of Nest's exception filters to an error that has not passed through one. When a caller cancels its
 * call, the child calls of the handler fail with `CANCELLED`. These errors are expected, and not reported.
 */
export function errorForCaller(
  error: unknown,
  { isStopped }: Pick<Responder, 'isStopped'>,
  report: ReportError,
): unknown {
  if (error instanceof RpcException) {
    const inner = error.getError();
    return typeof inner === 'object' ? inner : { status: 'error', message: inner };
  }
  if (!isStopped || !isCancelled(error)) report(error);
  return MASKED;
}

function isCancelled(error: unknown): boolean {
  return error instanceof N2NError && error.code === 'CANCELLED';
}
