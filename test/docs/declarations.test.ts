import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compile, createConsumer } from '../support/consumer.js';
import { atEnd, proveNothingIsLeft } from '../support/harness.js';

proveNothingIsLeft();

/** Options often come from a configuration that may lack them. */
const CODE = `
import type { BroadcastTarget, N2NClientOptions, N2NModuleOptions, N2NServerOptions } from 'nestjs-n2n';
import type { ListenSettings, NodeClientOptions } from 'nestjs-n2n/node';

type Undefined<Options> = { [Name in keyof Options]: undefined };
type All = N2NServerOptions & N2NClientOptions & NodeClientOptions & N2NModuleOptions & ListenSettings & BroadcastTarget;
declare const undefinedOptions: Undefined<All>;
export const server: N2NServerOptions = undefinedOptions;
export const client: N2NClientOptions = undefinedOptions;
export const module: N2NModuleOptions = undefinedOptions;
export const nodeClient: NodeClientOptions = undefinedOptions;
export const settings: ListenSettings = undefinedOptions;
export const target: BroadcastTarget = undefinedOptions;
`;

it('the declarations suit a project that checks them, and tells undefined from left out', async () => {
  const project = createConsumer();
  atEnd(() => rmSync(project, { recursive: true }));
  writeFileSync(join(project, 'consumer.ts'), CODE);
  const strictest = {
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  await expect(compile(project, ['consumer.ts'], strictest)).resolves.toBeUndefined();
});
