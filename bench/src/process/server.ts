import { MemoryGauge } from '../memory/memory-gauge.js';
import { findPeer } from '../peers/index.js';
import type { EchoServer } from '../peers/peer.js';
import { answerParent } from './answer-parent.js';

/** The process of one peer's server. */
let server: EchoServer | undefined;
const gauge = new MemoryGauge();

answerParent({
  async serve({ peer }) {
    server = await (await findPeer(peer).load()).serve();
    return { address: server.address, helpers: server.helpers ?? [] };
  },
  async memory() {
    return { ...(await gauge.read()), entries: server?.entries?.() ?? [] };
  },
  async stop() {
    await server?.close();
    return null;
  },
});
