import { BUFFERS } from './buffers.js';
import { CONNECTIONS } from './connections.js';
import { ROBUSTNESS } from './robustness.js';
import type { Scenario } from './scenario.js';
import { STREAMS } from './streams.js';
import { UNARY } from './unary.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...UNARY,
  ...BUFFERS,
  ...STREAMS,
  ...CONNECTIONS,
  ...ROBUSTNESS,
];
