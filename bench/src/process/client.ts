import { findPeer } from '../peers/index.js';
import type { Connection } from '../peers/peer.js';
import { makeWorkload, type Workload } from '../workloads/work.js';
import { answerParent } from './answer-parent.js';

/** The process of one peer's client: it makes the calls, and measures. */
const connections: Connection[] = [];
let workload: Workload | undefined;

answerParent({
  async connect({ peer, address, work }) {
    const entry = await findPeer(peer).load();
    const connectOne = async (): Promise<Connection> => {
      const connection = await entry.connect(address);
      connections.push(connection);
      return connection;
    };
    workload = await makeWorkload(work, { peer, connection: await connectOne(), connect: connectOne });
    await workload.prepare?.();
    return null;
  },
  async round({ durationMs }) {
    if (workload === undefined) throw new Error('There is no connection yet.');
    return workload.round(durationMs);
  },
  async stop() {
    await Promise.all(connections.map((connection) => connection.close()));
    return null;
  },
});
