import { Injectable } from '@nestjs/common';
import { firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import type { Ended } from '../contract.js';
import { Failure, Transcript } from '../../../shared/dist/index.js';
import { linesOf } from '../lines-of.js';
import { LinesClient } from './lines.client.js';

/** How many characters are read before going away. */
const ENOUGH = 100_000;

/** How long the service may take to hear of it, in milliseconds. */
const PATIENCE = 10_000;

/** What `--once` shows: a reader over HTTP goes away in the middle, and the service stops. */
@Injectable()
export class Demonstration {
  constructor(
    private readonly client: LinesClient,
    private readonly transcript: Transcript,
  ) {}

  /**
   * @param url the gateway's own
   * @throws Failure when the service has not stopped
   */
  async run(url: string): Promise<void> {
    const endings = new ReplaySubject<Ended>();
    // The service is told of it, and is watching, before the next call: calls are taken in order.
    const watching = this.client.ended().subscribe(endings);
    try {
      const lines = await readAndGoAway(`${url}/lines`);
      this.transcript.say(`a reader took ${linesOf(lines)} of GET /lines, and goes away`);
      this.tell(await firstValueFrom(endings.pipe(timeout({ first: PATIENCE, with: tooLate }))));
    } finally {
      watching.unsubscribe();
    }
  }

  private tell({ lines, why }: Ended): void {
    if (!why.startsWith('stopped')) {
      throw new Failure(`The service ${why} before its reader went away: give it a larger text.`);
    }
    this.transcript.say(`the service stopped after ${linesOf(lines)}, and does not read the rest`);
  }
}

function tooLate(): never {
  throw new Failure(`The service has not stopped within ${PATIENCE} ms.`);
}

/** @returns how many lines it took */
async function readAndGoAway(url: string): Promise<number> {
  const leaving = new AbortController();
  const response = await fetch(url, { signal: leaving.signal });
  if (!response.ok || response.body === null) throw await failureOf(response);
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > ENOUGH) break;
  }
  leaving.abort();
  return text.split('\n').length - 1;
}

async function failureOf(response: Response): Promise<Failure> {
  const { code, message } = (await response.json()) as { code?: string; message: string };
  return new Failure(`${code ?? response.status}: ${message}`);
}
