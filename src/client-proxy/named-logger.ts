import { Logger as NestLogger } from '@nestjs/common';
import { isLogger, type Logger } from '../transport/logger.js';

/**
 * The logger of a client that has a name: Nest's, with the name as its context, or that of the user, whose lines begin with
 * the name.
 */
export function loggerNamed(name: string, given: Logger | undefined): Logger {
  if (given === undefined) return new NestLogger(name);
  // Whoever checks the options says what is wrong with it.
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
