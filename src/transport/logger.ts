import { messageOf } from '../n2n-error.js';
import { hasFunctions, optionError } from './option-checks.js';
import { flag, option, optional, resolveOptions, type OptionsOf } from './option-table.js';

/**
 * Where log lines go: Nest's `Logger`, or an object with its methods. `debug` and `verbose` are optional, as in Nest's
 * `LoggerService`. Without them, their lines are dropped.
 */
export interface Logger {
  log(message: string): void;
  error(message: string): void;
  warn(message: string): void;
  debug?(message: string): void;
  verbose?(message: string): void;
}

/** The levels, from everything to nothing. A level shows its own lines and those of the levels after it. */
export const LOG_LEVELS = ['ALL', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'OFF'] as const;

type Level = (typeof LOG_LEVELS)[number];

/** Nest's names for the levels. */
type NestLevel = 'verbose' | 'debug' | 'log' | 'warn' | 'error' | 'fatal';

const NEST_LEVELS: ReadonlyMap<NestLevel, Level> = new Map<NestLevel, Level>([
  ['verbose', 'TRACE'],
  ['debug', 'DEBUG'],
  ['log', 'INFO'],
  ['warn', 'WARN'],
  ['error', 'ERROR'],
  ['fatal', 'FATAL'],
]);

export type LogLevel = Level | NestLevel;

export const LOG_OPTIONS = {
  /**
   * Whether to write log lines.
   * @default true
   */
  logging: flag(true),
  /**
   * The lowest level that is logged: `ALL`, `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL`, `OFF`, or one of Nest's
   * levels: `verbose`, `debug`, `log`, `warn`, `error`, `fatal`. `log` is the same as `INFO`, and `verbose` the same as
   * `TRACE`.
   * @default 'ALL'
   */
  logLevel: option<LogLevel, Level>('ALL', levelOf),
  /**
   * Nest's `Logger`, or an object with the methods `log`, `error` and `warn`. `debug` and `verbose` are optional.
   * @default lines on the standard error stream
   */
  logger: optional<Logger>(loggerOption, { inWords: 'lines on the standard error stream' }),
};

export type LogOptions = OptionsOf<typeof LOG_OPTIONS>;

/** The logger of the transport's modules, after `LogOptions` are applied. */
export type ResolvedLogger = Required<Logger>;

/**
 * Checks the options, and makes a logger that drops the lines below the level.
 * @param context the name in the lines of the default logger
 * @throws N2NError `INVALID_OPTIONS`
 */
export function resolveLogger(options: LogOptions, context: string): ResolvedLogger {
  const { logging, logLevel, logger = stderrLogger(context) } = resolveOptions(LOG_OPTIONS, options);
  const least = logging ? LOG_LEVELS.indexOf(logLevel) : Infinity;
  const lineOf = (of: Level, method: keyof Logger) =>
    LOG_LEVELS.indexOf(of) < least ? ignoreLine : (message: string) => writeLine(logger, method, message);
  return {
    verbose: lineOf('TRACE', 'verbose'),
    debug: lineOf('DEBUG', 'debug'),
    log: lineOf('INFO', 'log'),
    warn: lineOf('WARN', 'warn'),
    error: lineOf('ERROR', 'error'),
  };
}

function levelOf(name: string, given: unknown): Level {
  const level = LOG_LEVELS.find((each) => each === given) ?? NEST_LEVELS.get(given as NestLevel);
  if (level !== undefined) return level;
  throw optionError(name, given, `one of ${[...LOG_LEVELS, ...NEST_LEVELS.keys()].join(', ')}`);
}

function ignoreLine(): void {}

/** If the logger throws, or its promise rejects, the line goes to the standard error stream. */
function writeLine(logger: Logger, method: keyof Logger, message: string): void {
  const onFailed = (error: unknown): void =>
    void process.stderr.write(`${message}\n(The logger failed: ${messageOf(error)})\n`);
  try {
    const result: unknown = logger[method]?.(message);
    if (result instanceof Promise) result.catch(onFailed);
  } catch (error) {
    onFailed(error);
  }
}

/** A logger with the same methods, which never throw. For Nest's logger, which is not validated. */
export function guardedLogger(logger: Logger): ResolvedLogger {
  return resolveLogger({ logger }, '');
}

/** Whether a value has the methods of a logger. */
export function isLogger(value: unknown): value is Logger {
  return hasFunctions(value, ['log', 'error', 'warn']);
}

/** @throws N2NError `INVALID_OPTIONS` */
export function loggerOption(name: string, value: unknown): Logger {
  if (isLogger(value)) return value;
  throw optionError(name, value, 'an object with the methods log, error and warn');
}

/** Writes to the standard error stream, because the standard output belongs to the program. */
function stderrLogger(context: string): ResolvedLogger {
  const lineOf = (level: Level) => (message: string) => {
    process.stderr.write(`${new Date().toISOString()} ${level} [${context}] ${message}\n`);
  };
  return {
    verbose: lineOf('TRACE'),
    debug: lineOf('DEBUG'),
    log: lineOf('INFO'),
    warn: lineOf('WARN'),
    error: lineOf('ERROR'),
  };
}
