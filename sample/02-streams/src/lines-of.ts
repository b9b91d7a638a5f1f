/** `1 line`, `25,000 lines`. */
export function linesOf(count: number): string {
  return `${count.toLocaleString('en')} line${count === 1 ? '' : 's'}`;
}
