import { launch, run } from '../../shared/dist/index.js';
import { COMMAND_LINE } from './options.js';

/** Starts both services, and ends with the gateway's code when the gateway has ended. */
await run(COMMAND_LINE, () =>
  launch({
    service: new URL('./words/main.js', import.meta.url),
    gateway: new URL('./gateway/main.js', import.meta.url),
    portOption: '--words-port',
  }),
);
