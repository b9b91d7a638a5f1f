import { findPeer } from '../peers/index.js';
import type { Connection } from '../peers/peer.js';
import { makeWorkload, type Workload } from '../workloads/work.js';
import { answerParent } from './answer-parent.js';

/** The process of one peer's client: it makes the calls, and measures. */
let connection: Connection | undefined;
let workload: Workload | undefined;

answerParent({
  async connect({ peer, address, work }) {
    connection = await (await findPeer(peer).load()).connect(address);
    workload = makeWorkload(work, connection);
    return null;
  },
  async round({ durationMs }) {
    if (workload === undefined) throw new Error('There is no connection yet.');
    return workload.round(durationMs);
  },
  async stop() {
    await connection?.close();
    return null;
  },
});
