import { Injectable } from '@nestjs/common';
import { N2NClient } from 'nestjs-n2n';
import type { Observable } from 'rxjs';
import { LINES_ENDED, LINES_READ, type Ended } from '../contract.js';

/** The lines service, as the gateway sees it. */
@Injectable()
export class LinesClient {
  constructor(private readonly n2n: N2NClient) {}

  /** The lines, no faster than they are taken. `return()` stops the generator in the other process. */
  read(): AsyncIterableIterator<string> {
    return this.n2n.stream<string>(LINES_READ, undefined);
  }

  /** What becomes of each `read`, as the service sees it. */
  ended(): Observable<Ended> {
    return this.n2n.send<Ended, undefined>(LINES_ENDED, undefined);
  }
}
