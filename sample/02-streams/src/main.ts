import { run } from './run.js';
import { ServiceProcess } from './service-process.js';

/** Starts both services, and ends with the gateway's code when the gateway has ended. */
await run(async () => {
  const args = process.argv.slice(2);
  const lines = ServiceProcess.start('lines', args);
  let gateway: ServiceProcess | undefined = undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The lines service ends after the gateway, which would take it for lost otherwise.
    process.on(signal, () => void (gateway ?? lines).stop(signal));
  }

  const linesPort = await lines.port();
  if (linesPort === undefined) {
    process.exitCode = await lines.exitCode;
    return;
  }
  gateway = ServiceProcess.start('gateway', [...args, '--lines-port', String(linesPort)]);
  process.exitCode = await gateway.exitCode;
  await lines.stop();
});
