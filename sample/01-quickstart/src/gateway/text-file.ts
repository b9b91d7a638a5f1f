import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure, messageOf, systemCodeOf } from '../../../shared/dist/index.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file.',
  EACCES: 'This user may not read it.',
  EISDIR: 'It is a directory; name a text file in it.',
};

/** A file of text in UTF-8, read a part at a time, so that it may be larger than the memory. */
export class TextFile {
  /** Whether some of what was read is not UTF-8; it counts as spaces. */
  hasForeignBytes = false;

  private constructor(
    readonly name: string,
    private readonly path: string,
    private readonly bytes: Readable,
  ) {}

  /**
   * @param path `-` is the standard input
   * @throws Failure when there is no such file, or it cannot be read
   */
  static async open(path: string): Promise<TextFile> {
    if (path === '-') return new TextFile('the standard input', 'the standard input', process.stdin);
    try {
      const handle = await open(path);
      const file = new TextFile(basename(path), path, handle.createReadStream());
      if (!(await handle.stat()).isDirectory()) return file;
      file.close();
      throw new Failure(`Cannot read ${path}. ${REASONS['EISDIR']}`);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** @throws Failure when the file cannot be read, or is no text */
  async *chunks(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of this.bytes as AsyncIterable<Buffer>) {
        if (bytes.includes(0))
          throw new Failure(`Cannot read ${this.path}. It is a binary file and no text.`);
        yield this.checked(decoder.decode(bytes, { stream: true }));
      }
      yield this.checked(decoder.decode());
    } catch (error) {
      throw unreadable(this.path, error);
    }
  }

  close(): void {
    this.bytes.destroy();
  }

  private checked(text: string): string {
    this.hasForeignBytes ||= text.includes('\uFFFD');
    return text;
  }
}

function unreadable(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(`Cannot read ${path}. ${REASONS[systemCodeOf(error) ?? ''] ?? messageOf(error)}`);
}
