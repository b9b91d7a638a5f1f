import { Logger as NestLogger } from '@nestjs/common';
import { isLogger, type Logger } from '../transport/logger.js';

/**
 * Creates the logger of a client with a name. Nest's logger has the name as its context. With the user's logger, each
 * line begins with the name.
 */
export function loggerNamed(name: string, given: Logger | undefined): Logger {
  if (given === undefined) return new NestLogger(name);
  // The validation of the options reports the error.
  if (!isLogger(given)) return given;
  const lineOf = (method: keyof Logger) => (message: string) => given[method]?.(`[${name}] ${message}`);
  return {
    log: lineOf('log'),
    error: lineOf('error'),
    warn: lineOf('warn'),
    debug: lineOf('debug'),
    verbose: lineOf('verbose'),
  };
}
