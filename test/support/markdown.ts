/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
}

/** All fenced blocks of a page, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1],
    code: match[2],
    line: markdown.slice(0, match.index).split('\n').length,
  }));
}

/** The cells of all rows of the table below a heading, without the marks of code. */
export function tableBelow(markdown: string, heading: string): string[][] {
  const section = markdown.split(`\n${heading}\n`)[1]?.split(/^#+ /m)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}
