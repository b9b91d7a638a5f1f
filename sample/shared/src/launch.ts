import { ServiceProcess } from './service-process.js';

/** A service, and the gateway that calls it. */
interface ServiceAndGateway {
  readonly service: URL;
  readonly gateway: URL;
  /** The option of the gateway that takes the port of the service. */
  readonly portOption: string;
}

/** Starts both, and ends with the gateway's code when the gateway has ended. */
export async function launch({ service, gateway, portOption }: ServiceAndGateway): Promise<void> {
  const args = process.argv.slice(2);
  const first = ServiceProcess.start(service, args);
  let second: ServiceProcess | undefined = undefined;
  // The service ends after the gateway, which would take it for lost otherwise.
  onSignal((signal) => (second ?? first).stop(signal));

  const port = await first.port();
  if (port === undefined) {
    process.exitCode = await first.exitCode;
    return;
  }
  second = ServiceProcess.start(gateway, [...args, portOption, String(port)]);
  process.exitCode = await second.exitCode;
  await first.stop();
}

/** Calls back for each signal that asks a program to end. */
export function onSignal(stop: (signal: NodeJS.Signals) => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void stop(signal));
  }
}
