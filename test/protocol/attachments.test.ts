import { describe, expect, test } from 'vitest';
import { attach, detach } from '../../src/protocol/values/attachments.js';
import { runSeed, seededRandom } from '../support/random.js';

/** The bytes of a value with attachments, as a hostile sender may put them together. */
function body(
  json: string,
  paths: string,
  pieces: string[],
  lengths = pieces.map((piece) => piece.length),
): Buffer {
  const fixed = Buffer.alloc(10 + 4 * lengths.length);
  fixed.writeUInt16BE(lengths.length, 0);
  fixed.writeUInt32BE(json.length, 2);
  fixed.writeUInt32BE(paths.length, 6);
  lengths.forEach((length, index) => fixed.writeUInt32BE(length, 10 + 4 * index));
  return Buffer.concat([fixed, Buffer.from(json + paths + pieces.join(''))]);
}

test('the helper of this file makes what detach makes', () => {
  const detached = detach({ a: Buffer.from('xy') }, 'value');
  if (detached === undefined || detached instanceof Uint8Array) throw new Error('nothing was detached');
  const { head, pieces } = detached;
  expect(Buffer.concat([head, ...pieces])).toEqual(body('{"a":null}', '[["a"]]', ['xy']));
});

describe('bodies that do not fit together are refused', () => {
  test.each([
    ['lengths beyond the body', body('{"a":null}', '[["a"]]', ['xy'], [3])],
    ['a length of 2^32 - 1', body('{"a":null}', '[["a"]]', ['xy'], [2 ** 32 - 1])],
    ['fewer paths than pieces', body('{"a":null}', '[]', ['xy'])],
    ['more paths than pieces', body('{"a":null}', '[["a"],["a"]]', ['xy'])],
    ['paths that are no list', body('{"a":null}', '{"0":["a"],"length":1}', ['xy'])],
    ['a path that is no list', body('{"a":null}', '["a"]', ['xy'])],
    ['a path to nowhere', body('{"a":null}', '[["b"]]', ['xy'])],
    ['a path through a text', body('{"a":"text"}', '[["a","0"]]', ['xy'])],
    ['a path over a value that is not null', body('{"a":1}', '[["a"]]', ['xy'])],
    ['one place for two pieces', body('{"a":null}', '[["a"],["a"]]', ['x', 'y'])],
    ['a path into a piece', body('{"a":null}', '[["a"],["a","0"]]', ['x', 'y'])],
    ['a path to the prototype', body('{"a":{}}', '[["a","__proto__"]]', ['xy'])],
    ['a path through the prototype', body('{"a":{}}', '[["a","__proto__","x"]]', ['xy'])],
    ['a path through the constructor', body('{"a":{}}', '[["a","constructor","prototype"]]', ['xy'])],
    ['a step that is an object', body('{"a":null}', '[[{"toString":"a"}]]', ['xy'])],
    ['a step that is a list', body('{"a":null}', '[[["a"]]]', ['xy'])],
    ['the length of a list', body('[null]', '[["length"]]', ['xy'])],
    ['an index beyond a list', body('[null]', '[[1]]', ['xy'])],
    ['JSON that is none', body('{"a":nul}', '[["a"]]', ['xy'])],
    ['a count without lengths', Buffer.from([0xff, 0xff, 0, 0, 0, 2, 0, 0, 0, 2, 0x7b, 0x7d, 0x5b, 0x5d])],
  ])('%s', (_name, bytes) => {
    expect(() => attach(bytes)).toThrow(Error);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

test('a path of no steps is the value itself', () => {
  expect(attach(body('null', '[[]]', ['xy']))).toEqual(Buffer.from('xy'));
});

test('a body with any byte changed is refused or read, in no way else', () => {
  const random = seededRandom(runSeed());
  const good = body('{"a":null,"b":[null]}', '[["a"],["b",0]]', ['hello', 'world']);
  for (let round = 0; round < 20_000; round++) {
    const bad = Buffer.from(good);
    bad[Math.floor(random() * bad.length)] = Math.floor(random() * 256);
    if (random() < 0.5) bad[Math.floor(random() * bad.length)] = Math.floor(random() * 256);
    const cut = random() < 0.3 ? bad.subarray(0, Math.floor(random() * bad.length)) : bad;
    try {
      attach(cut);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
});
