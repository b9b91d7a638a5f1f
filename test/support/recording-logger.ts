import type { Logger } from '../../src/transport/logger.js';

/** A logger whose lines a test reads, each with its level in front, and can wait for. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly string[];
  /** The first line that matches, which may have been logged already. */
  line(pattern: RegExp): Promise<string>;
}

export function recordingLogger(): RecordingLogger {
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const at = (level: string) => (text: string) => {
    const line = `${level} ${text}`;
    lines.push(line);
    for (const told of waiting) told(line);
  };
  return {
    lines,
    log: at('log'),
    error: at('error'),
    warn: at('warn'),
    debug: at('debug'),
    verbose: at('verbose'),
    line: (pattern) =>
      new Promise((resolve) => {
        const told = (line: string): void => {
          if (!pattern.test(line)) return;
          waiting.delete(told);
          resolve(line);
        };
        waiting.add(told);
        for (const line of lines) told(line);
      }),
  };
}
