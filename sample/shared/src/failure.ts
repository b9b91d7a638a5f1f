import { N2NError } from 'nestjs-n2n';

/** Something that the user can do something about. Its message says it all, so that no stack is shown. */
export class Failure extends Error {}

/** What to print of anything that was thrown: a line where it was foreseen, a stack where it was not. */
export function textOf(error: unknown): string {
  if (error instanceof Failure) return error.message;
  if (error instanceof N2NError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the system, such as `ENOENT`. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
