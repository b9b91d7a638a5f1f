import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { Subject, type Observable } from 'rxjs';
import { LINES_ENDED, LINES_READ, type Ended } from '../contract.js';
import { Transcript } from '../../../shared/dist/index.js';
import { linesOf } from '../lines-of.js';
import { TextFile } from './text-file.js';

@Controller()
export class LinesController {
  private readonly endings = new Subject<Ended>();

  constructor(
    private readonly file: TextFile,
    private readonly transcript: Transcript,
  ) {}

  /**
   * The generator goes on when the caller takes a line: nobody has to hold it back. When the caller goes away it is
   * returned where it stands, at the `yield`, and its `finally` runs.
   */
  @MessagePattern(LINES_READ)
  async *read(): AsyncGenerator<string> {
    let lines = 0;
    let why = 'stopped: nobody takes them any more,';
    try {
      for await (const line of this.file.lines()) {
        lines += 1;
        yield line;
      }
      why = 'came to the end';
    } catch (error) {
      why = 'failed';
      throw error;
    } finally {
      this.transcript.say(`lines.read ${why} after ${linesOf(lines)}`);
      this.endings.next({ lines, why });
    }
  }

  @MessagePattern(LINES_ENDED)
  ended(): Observable<Ended> {
    return this.endings;
  }
}
