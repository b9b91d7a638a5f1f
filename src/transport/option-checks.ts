import { inspect } from 'node:util';
import { N2NError } from '../n2n-error.js';
import { MAX_TIMER_MS } from '../limits.js';

/** The error for an option that cannot be used: which one, what it was, and what is allowed. */
export function optionError(option: string, value: unknown, allowed: string): N2NError {
  const shown = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80 });
  return new N2NError('INVALID_OPTIONS', `Option "${option}" is ${shown}: it must be ${allowed}.`, {
    details: { option },
  });
}

/** As `optionError`, for options whose value must not reach a log: keys, passwords, credentials. */
export function secretOptionError(option: string, value: unknown, allowed: string): N2NError {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
  return new N2NError('INVALID_OPTIONS', `Option "${option}" is ${kind}: it must be ${allowed}.`, {
    details: { option },
  });
}

export function booleanOption(option: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== 'boolean') throw optionError(option, value, 'true or false');
  return value;
}

export function millisecondsOption(option: string, value: unknown, byDefault: number): number {
  return wholeNumberOption(option, value, byDefault, {
    least: 1,
    most: MAX_TIMER_MS,
    unit: ' of milliseconds',
  });
}

export interface WholeNumberRange {
  readonly least: number;
  /** Infinity allows `Infinity` itself, too. */
  readonly most: number;
  readonly unit?: string;
}

export function wholeNumberOption(
  option: string,
  value: unknown,
  byDefault: number,
  { least, most, unit = '' }: WholeNumberRange,
): number {
  if (value === undefined) return byDefault;
  const whole = Number.isSafeInteger(value) || (most === Infinity && value === Infinity);
  if (typeof value === 'number' && whole && value >= least && value <= most) return value;
  const allowed = most === Infinity ? `${least} or more, or Infinity` : `from ${least} to ${most}`;
  throw optionError(option, value, `a whole number${unit}, ${allowed}`);
}

export function shareOption(option: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw optionError(option, value, 'a number from 0 to 1');
}

/** @throws N2NError `INVALID_OPTIONS` when what was given for the options is none */
export function requireOptions(options: unknown): void {
  if (!isRecord(options)) throw optionError('options', options, 'an object');
}

/** Refuses names that are not options: a misspelt option would otherwise be the default, in silence. */
export function refuseUnknownOptions(options: object, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new N2NError(
      'INVALID_OPTIONS',
      `There is no option "${prefix}${name}": the options are ${known.join(', ')}.`,
      { details: { option: `${prefix}${name}` } },
    );
  }
}

/** Whether `value` is an object, or a module or an instance, with functions of all these names. */
export function hasFunctions(value: unknown, names: readonly string[]): boolean {
  return isRecord(value) && names.every((name) => typeof value[name] === 'function');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The longest payload that one side takes. Lengths are written in four bytes; half of that is plenty. */
export function payloadOption(option: string, value: unknown): number {
  return wholeNumberOption(option, value, 4 * 1024 * 1024, {
    least: 1024,
    most: 2 ** 31 - 1,
    unit: ' of bytes',
  });
}

/**
 * Socket.IO's path on a server, with a leading slash and none at its end.
 * @param allowed how the option may be spelled, for its error
 */
export function pathOption(option: string, value: unknown, allowed: string): string {
  if (value === undefined) return '/socket.io';
  const inner = typeof value === 'string' ? value.replace(/^\/+|\/+$/g, '') : '';
  if (inner !== '' && !/[\s?#]/.test(inner)) return `/${inner}`;
  throw optionError(option, value, allowed);
}
