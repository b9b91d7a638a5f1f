import { inspect } from 'node:util';
import { N2NError } from '../n2n-error.js';
import { closestName } from './closest-name.js';

/** The error for an invalid option. It names the option, its value and the allowed values. */
export function optionError(option: string, value: unknown, allowed: string): N2NError {
  const shown = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80 });
  return new N2NError('INVALID_OPTIONS', `Option "${option}" is ${shown}: it must be ${allowed}.`, {
    details: { option },
  });
}

/** The same as `optionError`, without the value. For keys, passwords and credentials, which must not reach a log. */
export function secretOptionError(option: string, value: unknown, allowed: string): N2NError {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
  return new N2NError('INVALID_OPTIONS', `Option "${option}" is ${kind}: it must be ${allowed}.`, {
    details: { option },
  });
}

/** @throws N2NError `INVALID_OPTIONS` if the options are not an object */
export function requireOptions(options: unknown): asserts options is object {
  if (!isRecord(options)) throw optionError('options', options, 'an object');
}

/**
 * Refuses unknown options. Otherwise a misspelt option would silently have its default.
 * @param within the owner of the options, or the prefix of options that are part of another
 * @throws N2NError `INVALID_OPTIONS`
 */
export function refuseUnknownOptions(
  options: object,
  known: readonly string[],
  { owner, prefix = '' }: { readonly owner?: string; readonly prefix?: string },
): void {
  const name = Object.keys(options).find((given) => !known.includes(given));
  if (name === undefined) return;
  const option = `${prefix}${name}`;
  const closest = closestName(name, known);
  const remedy =
    closest === undefined ? `The options are ${known.join(', ')}.` : `Did you mean "${prefix}${closest}"?`;
  const of = owner === undefined ? '' : ` of ${owner}`;
  throw new N2NError('INVALID_OPTIONS', `There is no option "${option}"${of}. ${remedy}`, {
    details: { option },
  });
}

/** Whether `value` is an object with functions of all these names. */
export function hasFunctions(value: unknown, names: readonly string[]): boolean {
  return isRecord(value) && names.every((name) => typeof value[name] === 'function');
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
