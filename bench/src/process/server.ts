import { findPeer } from '../peers/index.js';
import type { EchoServer } from '../peers/peer.js';
import { answerParent } from './answer-parent.js';

/** The process of one peer's server. */
let server: EchoServer | undefined;

answerParent({
  async serve({ peer }) {
    server = await (await findPeer(peer).load()).serve();
    return { address: server.address };
  },
  async stop() {
    await server?.close();
    return null;
  },
});
