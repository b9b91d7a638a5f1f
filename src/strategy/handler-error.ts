import { RpcException } from '@nestjs/microservices';

/** Told of errors that no exception filter has seen, before they are masked. */
export type ReportError = (error: unknown) => void;

/** What a caller gets of an error that was not meant for it, as from Nest's other transports. */
const MASKED = { status: 'error', message: 'Internal server error' } as const;

/** The rules of Nest's exception filters, for errors that did not pass through one. */
export function errorForCaller(error: unknown, report: ReportError): unknown {
  if (error instanceof RpcException) {
    const inner = error.getError();
    return typeof inner === 'object' ? inner : { status: 'error', message: inner };
  }
  report(error);
  return MASKED;
}
