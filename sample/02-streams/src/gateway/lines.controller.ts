import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Res, UseFilters } from '@nestjs/common';
import { Transcript } from '../../../shared/dist/index.js';
import { linesOf } from '../lines-of.js';
import { LinesClient } from './lines.client.js';
import { ServiceErrorFilter } from './service-error.filter.js';
import { PAGE } from './page.js';

@Controller()
@UseFilters(ServiceErrorFilter)
export class LinesController {
  constructor(
    private readonly client: LinesClient,
    private readonly transcript: Transcript,
  ) {}

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return PAGE;
  }

  /**
   * From the file to the browser, each part waits for the next: the generator for credit, the stream of the call for
   * the response, the response for the socket. And back: a browser that goes away destroys the response, which returns
   * the stream of the call, which returns the generator.
   */
  @Get('lines')
  async lines(@Res() response: ServerResponse): Promise<void> {
    const lines = this.client.read();
    response.once('close', () => void lines.return?.());
    // What fails before the first line can still be told with a status.
    const first = await lines.next();
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    const text = new LinesToText();
    if (first.done !== true) text.write(first.value);
    try {
      await pipeline(Readable.from(lines), text, response);
    } catch (error) {
      // The status is long gone: a response that is cut short tells the reader that there should be more.
      this.transcript.say(whyCutShort(error, text));
    }
  }
}

class LinesToText extends Transform {
  count = 0;

  constructor() {
    super({ writableObjectMode: true });
  }

  override _transform(
    line: string,
    _encoding: BufferEncoding,
    done: (error: null, text: string) => void,
  ): void {
    this.count += 1;
    done(null, `${line}\n`);
  }
}

function whyCutShort(error: unknown, { count }: LinesToText): string {
  const isGone = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
  const why = isGone ? 'the reader went away' : `it was cut short: ${String(error)}`;
  return `GET /lines: ${why} after ${linesOf(count)}`;
}
