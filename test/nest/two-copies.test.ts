import { describe, expect, test } from 'vitest';
import { N2NError, N2NRecord, N2NRecordBuilder } from '../../src/index.js';

/** The module as a second copy of the package would load it. */
function copyOf<Module>(path: string): Promise<Module> {
  return import(/* @vite-ignore */ `${path}?copy`) as Promise<Module>;
}

describe('two copies of the package in one process', () => {
  test("recognise each other's errors", async () => {
    const other = await copyOf<typeof import('../../src/n2n-error.js')>('../../src/n2n-error.js');
    expect(other.N2NError).not.toBe(N2NError);
    const error = new other.N2NError('TIMEOUT', 'too late');
    expect(error instanceof N2NError).toBe(true);
    expect(N2NError.from(error, 'CONNECT_FAILED', 'context')).toBe(error);
    expect(new Error('other') instanceof N2NError).toBe(false);
  });

  test("recognise each other's records", async () => {
    const other = await copyOf<typeof import('../../src/call/record.js')>('../../src/call/record.js');
    expect(other.N2NRecord).not.toBe(N2NRecord);
    expect(new other.N2NRecordBuilder(1).build() instanceof N2NRecord).toBe(true);
    expect(new N2NRecordBuilder(1).build() instanceof other.N2NRecord).toBe(true);
    expect({ data: 1, settings: {} } instanceof N2NRecord).toBe(false);
  });

  test('keep subclasses of their own apart', () => {
    class Own extends N2NError {}
    expect(new N2NError('TIMEOUT', 'too late') instanceof Own).toBe(false);
    expect(new Own('TIMEOUT', 'too late') instanceof N2NError).toBe(true);
  });
});
