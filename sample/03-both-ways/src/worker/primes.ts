import type { Range } from '../contract.js';

/** How many primes a range has: the sieve of Eratosthenes, of that range alone. */
export function countPrimes({ from, to }: Range): number {
  const first = Math.max(from, 2);
  if (to <= first) return 0;
  const isComposite = new Uint8Array(to - first);
  for (const prime of primesUpTo(Math.floor(Math.sqrt(to)))) {
    const multiple = Math.max(prime * prime, Math.ceil(first / prime) * prime);
    for (let at = multiple - first; at < isComposite.length; at += prime) isComposite[at] = 1;
  }
  return isComposite.reduce((count, composite) => count + 1 - composite, 0);
}

function primesUpTo(most: number): number[] {
  const isComposite = new Uint8Array(most + 1);
  const primes: number[] = [];
  for (let number = 2; number <= most; number += 1) {
    if (isComposite[number] === 1) continue;
    primes.push(number);
    for (let at = number * number; at <= most; at += number) isComposite[at] = 1;
  }
  return primes;
}
