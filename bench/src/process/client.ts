import { findPeer } from '../peers/index.js';
import type { Connection } from '../peers/peer.js';
import { makeWorkload } from '../workloads/work.js';
import type { Workload } from '../workloads/workload.js';
import { answerParent } from './answer-parent.js';

/** The process of one peer's client: it makes the calls, and measures. */
const connections = new Set<Connection>();
let workload: Workload | undefined;

async function disconnect(connection: Connection): Promise<void> {
  connections.delete(connection);
  await connection.close();
}

async function closeAll(): Promise<void> {
  await Promise.all([...connections].map(disconnect));
}

answerParent({
  async connect({ peer, address, work }) {
    await closeAll();
    const entry = await findPeer(peer).load();
    const connect = async (): Promise<Connection> => {
      const connection = await entry.connect(address);
      connections.add(connection);
      return connection;
    };
    workload = await makeWorkload(work, { peer, connection: await connect(), connect, disconnect });
    await workload.prepare?.();
    return null;
  },
  async round({ durationMs }) {
    if (workload === undefined) throw new Error('There is no connection yet.');
    return workload.round(durationMs);
  },
  async stop() {
    await closeAll();
    return null;
  },
});
