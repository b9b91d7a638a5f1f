/**
 * Writes 32-bit integers as JSON text directly into bytes, and reads them. With a string in between, an Observable of
 * numbers spends a third of its time on each side making strings: 130 ns to write a number and 115 ns to read it. This
 * takes about 15 ns each.
 */

/** `-2147483648` */
export const MAX_INTEGER_BYTES = 11;

/** Every number of so many digits is a 32-bit integer. */
const SURE_DIGITS = 9;

const MINUS = 0x2d;
const ZERO = 0x30;

export function isInteger32(value: number): boolean {
  return (value | 0) === value;
}

/**
 * Writes a number for which `isInteger32` is true in decimal digits, as `JSON.stringify` does.
 * @returns the number of bytes
 */
export function writeInteger(to: Buffer, at: number, value: number): number {
  const sign = value < 0 ? 1 : 0;
  let rest = value < 0 ? -value : value;
  const length = sign + countDigits(rest);
  if (sign === 1) to[at] = MINUS;
  for (let index = at + length - 1; index >= at + sign; index--) {
    const tens = (rest / 10) | 0;
    to[index] = ZERO + rest - 10 * tens;
    rest = tens;
  }
  return length;
}

/**
 * Reads a short integer. `JSON.parse` reads everything else: longer numbers, and a leading zero, which is not valid
 * JSON.
 */
export function readInteger(from: Buffer, start: number, end: number): number | undefined {
  const isNegative = from[start] === MINUS;
  let at = isNegative ? start + 1 : start;
  const digits = end - at;
  if (digits < 1 || digits > SURE_DIGITS || (from[at] === ZERO && (digits > 1 || isNegative)))
    return undefined;
  let value = 0;
  for (; at < end; at++) {
    const digit = from[at] - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
  }
  return isNegative ? -value : value;
}

function countDigits(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits += 1;
  return digits;
}
