import { onSignal, run, ServiceProcess } from '../../shared/dist/index.js';
import { COMMAND_LINE } from './options.js';

const HUB = new URL('./hub/main.js', import.meta.url);
const WORKER = new URL('./worker/main.js', import.meta.url);

/** Starts the hub and its workers, and ends with the hub's code when the hub has ended. */
await run(COMMAND_LINE, async (options) => {
  const args = process.argv.slice(2);
  const hub = ServiceProcess.start(HUB, args);
  // The workers end after the hub, which would take them for lost otherwise.
  onSignal((signal) => hub.stop(signal));

  const port = await hub.port();
  const names = Array.from(
    { length: port === undefined ? 0 : options.workers },
    (_, at) => `worker-${at + 1}`,
  );
  const workers = names.map((name) =>
    ServiceProcess.start(WORKER, [...args, '--hub-port', String(port), '--name', name]),
  );
  process.exitCode = await hub.exitCode;
  await Promise.all(workers.map((worker) => worker.stop()));
});
