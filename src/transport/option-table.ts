import { MAX_TIMER_MS } from '../limits.js';
import { optionError, refuseUnknownOptions, requireOptions } from './option-checks.js';

/**
 * One entry of an option table. The table defines the option's name, type, default, unit and check. The comment above the
 * entry is its documentation in editors and in the tables of the docs (`npm run docs:options`).
 */
export interface Option<Given, Resolved = Given> {
  /** The value of an option that is left out or `undefined`. Undefined if the option has no default. */
  readonly byDefault: Given | undefined;
  /** The default in words, for the docs, if the value is not readable. */
  readonly inWords?: string | undefined;
  readonly unit?: 'milliseconds' | 'bytes' | undefined;
  /** @throws N2NError `INVALID_OPTIONS` */
  readonly resolve: (name: string, given: unknown) => Resolved;
}

export type OptionTable = Readonly<Record<string, Option<unknown, unknown>>>;

/** The options that a user may pass. */
export type OptionsOf<Table> = {
  [Name in keyof Table]?: Table[Name] extends Option<infer Given, unknown> ? Given | undefined : never;
};

/** The options after validation, with all defaults. */
export type ResolvedOptionsOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<unknown, infer Resolved> ? Resolved : never;
};

/**
 * Refuses values that are not objects, and options that are not in the table.
 * @param owner the owner of the options, for error messages
 * @throws N2NError `INVALID_OPTIONS`
 */
export function requireOptionsOf(owner: string, table: OptionTable, options: unknown): void {
  requireOptions(options);
  refuseUnknownOptions(options, Object.keys(table), { owner });
}

/**
 * Checks those options that are in this table, and fills in the defaults.
 * @throws N2NError `INVALID_OPTIONS`
 */
export function resolveOptions<Table extends OptionTable>(
  table: Table,
  options: object,
): ResolvedOptionsOf<Table> {
  const given = options as Record<string, unknown>;
  const resolved = Object.entries(table).map(([name, each]) => [name, each.resolve(name, given[name])]);
  return Object.fromEntries(resolved) as ResolvedOptionsOf<Table>;
}

type Check<Resolved> = (name: string, value: unknown) => Resolved;

/** An option with a default. The default is checked like any other value. */
export function option<Given, Resolved = Given>(
  byDefault: Given,
  check: Check<Resolved>,
  { unit, inWords }: Pick<Option<Given>, 'unit' | 'inWords'> = {},
): Option<Given, Resolved> {
  const resolve = (name: string, given: unknown): Resolved =>
    check(name, given === undefined ? byDefault : given);
  return { byDefault, inWords, unit, resolve };
}

/** An option that may be missing. */
export function optional<Given, Resolved = Given>(
  check: Check<Resolved>,
  { unit, inWords }: Pick<Option<Given>, 'unit' | 'inWords'> = {},
): Option<Given, Resolved | undefined> {
  const resolve = (name: string, given: unknown): Resolved | undefined =>
    given === undefined ? undefined : check(name, given);
  return { byDefault: undefined, inWords, unit, resolve };
}

export function flag(byDefault: boolean): Option<boolean> {
  return option(byDefault, isTrueOrFalse);
}

export function isTrueOrFalse(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw optionError(name, value, 'true or false');
}

/** A time. @param least 0 if 0 has a special meaning */
export function milliseconds(byDefault: number, least: 0 | 1 = 1): Option<number> {
  return option(byDefault, isMilliseconds(least), { unit: 'milliseconds' });
}

export function isMilliseconds(least: 0 | 1): Check<number> {
  return isWhole({ least, most: MAX_TIMER_MS, of: ' of milliseconds' });
}

export function count(byDefault: number, range: Range): Option<number> {
  return option(byDefault, isWhole(range));
}

export function bytes(byDefault: number, range: Range): Option<number> {
  return option(byDefault, isWhole({ ...range, of: ' of bytes' }), { unit: 'bytes' });
}

export function share(byDefault: number): Option<number> {
  return option(byDefault, (name, value) => {
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw optionError(name, value, 'a number from 0 to 1');
  });
}

/** Socket.IO's path on a server. The resolved path has a leading slash and no trailing slash. */
export function path(): Option<string> {
  return option('/socket.io/', isPath);
}

export function isPath(name: string, value: unknown): string {
  const inner = typeof value === 'string' ? value.replace(/^\/+|\/+$/g, '') : '';
  if (inner !== '' && !/[\s?#]/.test(inner)) return `/${inner}`;
  throw optionError(name, value, 'a path such as "/socket.io/", without a query');
}

interface Range {
  readonly least: number;
  /** Infinity also allows the value `Infinity`. */
  readonly most: number;
}

function isWhole({ least, most, of = '' }: Range & { readonly of?: string }): Check<number> {
  return (name, value) => {
    const isOne = Number.isSafeInteger(value) || (most === Infinity && value === Infinity);
    if (typeof value === 'number' && isOne && value >= least && value <= most) return value;
    const allowed = most === Infinity ? `${least} or more, or Infinity` : `from ${least} to ${most}`;
    throw optionError(name, value, `a whole number${of}, ${allowed}`);
  };
}
