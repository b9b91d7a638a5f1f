import { run } from './run.js';
import { ServiceProcess } from './service-process.js';

/** Starts the hub and its workers, and ends with the hub's code when the hub has ended. */
await run(async (options) => {
  const args = process.argv.slice(2);
  const hub = ServiceProcess.start('hub', args);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The workers end after the hub, which would take them for lost otherwise.
    process.on(signal, () => void hub.stop(signal));
  }

  const port = await hub.port();
  const names = Array.from(
    { length: port === undefined ? 0 : options.workers },
    (_, at) => `worker-${at + 1}`,
  );
  const workers = names.map((name) =>
    ServiceProcess.start('worker', [...args, '--hub-port', String(port), '--name', name]),
  );
  process.exitCode = await hub.exitCode;
  await Promise.all(workers.map((worker) => worker.stop()));
});
