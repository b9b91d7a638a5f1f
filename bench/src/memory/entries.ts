/** Nothing of a connection lies deeper. */
const DEEPEST = 8;

/** What a connection is made of itself, and the memory of what may have to be sent again, which is bounded. */
const NOT_OF_CALLS: ReadonlySet<string> = new Set(['link', 'replay']);

/**
 * The collections that are not empty, with their paths, among all that can be reached from `root` through fields: every
 * Map, Set, table with a `size` and Array, private to TypeScript or not, and also those that nobody has thought of yet.
 *
 * It does not look into functions, so a connection's callbacks do not lead out of it. Given to the `Peer` of either side
 * of a connection, it tells whether anything is kept for calls that are over.
 */
export function entriesIn(root: object): string[] {
  const found: string[] = [];
  const seen = new Set<object>();
  const visit = (value: unknown, path: string, depth: number): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    if (seen.has(value) || depth > DEEPEST) return;
    seen.add(value);
    if ('size' in value && typeof value.size === 'number') {
      if (value.size > 0) found.push(`${path} (${value.size})`);
    } else if (Array.isArray(value)) {
      if (value.length > 0) found.push(`${path} (${value.length})`);
    } else {
      for (const [key, field] of Object.entries(value)) {
        if (!NOT_OF_CALLS.has(key)) visit(field, `${path}.${key}`, depth + 1);
      }
    }
  };
  visit(root, root.constructor.name, 0);
  return found;
}

/** A field that TypeScript calls private: for looking into what has no other way of showing it. */
export function fieldOf(owner: unknown, name: string): object {
  const value = (owner as Record<string, unknown> | null | undefined)?.[name];
  if (typeof value !== 'object' || value === null) {
    throw new Error(`There is no object in the field "${name}": was it renamed?`);
  }
  return value;
}
