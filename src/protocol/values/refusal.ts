import { N2NError } from '../../n2n-error.js';

/** The keys and indexes that lead to a part of a value. */
export type Path = readonly (string | number)[];

/** What helps where JSON is at fault, and not the value. */
export const OTHER_CODEC = 'or set the codec of both sides to "v8".';

export function refused(message: string, cause?: unknown): N2NError {
  return new N2NError('NOT_SERIALIZABLE', message, cause === undefined ? {} : { cause });
}

/** Where a part of a value is, as it stands in a message: ` at "items[3].tags"`. */
export function at(path: Path): string {
  if (path.length === 0) return '';
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  return ` at "${text.startsWith('.') ? text.slice(1) : text}"`;
}
