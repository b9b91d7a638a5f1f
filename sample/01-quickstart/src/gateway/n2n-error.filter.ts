import { Catch, ServiceUnavailableException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { N2NError } from 'nestjs-n2n';

/** Tells a caller over HTTP what went wrong between the services. */
@Catch(N2NError)
export class N2NErrorFilter extends BaseExceptionFilter {
  override catch({ code, message }: N2NError, host: ArgumentsHost): void {
    super.catch(new ServiceUnavailableException({ statusCode: 503, code, message }), host);
  }
}
