import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RpcException } from '@nestjs/microservices';
import { Failure, messageOf } from '../../../shared/dist/index.js';

const MILLION = 1_000_000;

/** A longer line is none: the file is no text, and would be kept in memory as a whole. */
const LONGEST_LINE = 1024 * 1024;

/** A file of lines in UTF-8, which may be larger than the memory. */
export class TextFile {
  private constructor(
    readonly path: string,
    private readonly isTemporary: boolean,
  ) {}

  /** @throws Failure when there is no such file, or it cannot be read */
  static async at(path: string): Promise<TextFile> {
    try {
      const handle = await open(path);
      const isFile = (await handle.stat()).isFile();
      await handle.close();
      if (isFile) return new TextFile(path, false);
    } catch (error) {
      throw new Failure(`Cannot read ${path}: ${messageOf(error)}`);
    }
    throw new Failure(`Cannot read ${path}: it is no file.`);
  }

  /** A million numbered lines, removed by `dispose`. */
  static async ofAMillionLines(): Promise<TextFile> {
    const path = join(await mkdtemp(join(tmpdir(), 'n2n-streams-')), 'million.txt');
    await pipeline(Readable.from(thousandsOfLines()), createWriteStream(path));
    return new TextFile(path, true);
  }

  /** Reads no further than lines are asked for. Whoever stops asking closes the file. */
  async *lines(): AsyncGenerator<string> {
    let begun = '';
    for await (const text of createReadStream(this.path, 'utf8') as AsyncIterable<string>) {
      const lines = (begun + text).split('\n');
      begun = lines.pop() ?? '';
      if (begun.length > LONGEST_LINE) throw new RpcException(`${this.path} is no text: it has no lines.`);
      yield* lines;
    }
    if (begun !== '') yield begun;
  }

  async dispose(): Promise<void> {
    if (this.isTemporary) await rm(dirname(this.path), { recursive: true, force: true });
  }
}

function* thousandsOfLines(): Generator<string> {
  for (let first = 1; first <= MILLION; first += 1000) {
    yield Array.from(
      { length: 1000 },
      (_, at) => `${first + at} to be or not to be, that is the question\n`,
    ).join('');
  }
}
