import { RpcException } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import type { Responder } from './responder.js';

/** Told of errors that no exception filter has seen, before they are masked. */
export type ReportError = (error: unknown) => void;

/** What a caller gets of an error that was not meant for it, as from Nest's other transports. */
const MASKED = { status: 'error', message: 'Internal server error' } as const;

/**
 * The rules of Nest's exception filters, for errors that did not pass through one. Of a call whose caller has gone, what it
 * had called within itself is cancelled, too: that is no news to anybody.
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
