import { BadGatewayException, Catch, ServiceUnavailableException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { N2NError } from 'nestjs-n2n';

/** Tells a caller over HTTP what went wrong between the services, or in the handler of the other one. */
@Catch()
export class ServiceErrorFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    super.catch(asHttpError(error), host);
  }
}

function asHttpError(error: unknown): unknown {
  if (error instanceof N2NError) {
    const { code, message } = error;
    return new ServiceUnavailableException({ statusCode: 503, code, message });
  }
  // What a handler throws arrives as a plain object, as with Nest's own transports.
  return isHandlerError(error) ? new BadGatewayException(error.message) : error;
}

function isHandlerError(error: unknown): error is { message: string } {
  if (typeof error !== 'object' || error === null) return false;
  return (
    'status' in error && error.status === 'error' && 'message' in error && typeof error.message === 'string'
  );
}
