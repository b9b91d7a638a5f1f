import { run } from './run.js';
import { ServiceProcess } from './service-process.js';

/** Starts both services, and ends with the gateway's code when the gateway has ended. */
await run(async () => {
  const args = process.argv.slice(2);
  const words = ServiceProcess.start('words', args);
  let gateway: ServiceProcess | undefined = undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The words service ends after the gateway, which would take it for lost otherwise.
    process.on(signal, () => void (gateway ?? words).stop(signal));
  }

  const wordsPort = await words.port();
  if (wordsPort === undefined) {
    process.exitCode = await words.exitCode;
    return;
  }
  gateway = ServiceProcess.start('gateway', [...args, '--words-port', String(wordsPort)]);
  process.exitCode = await gateway.exitCode;
  await words.stop();
});
