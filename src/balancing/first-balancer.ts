import type { Balance, BalancedConnection, Balancer, Picker, PickResult } from './balancer.js';

/**
 * Uses one connection until it is lost or drains. Then it uses the next ready connection. If no connection is ready, it
 * tries the next idle address when all pending attempts have failed once.
 */
export class FirstBalancer<Connection extends BalancedConnection> implements Balancer<Connection> {
  private current: Connection | undefined;

  update(connections: readonly [Connection, ...Connection[]]): Balance<Connection> {
    const current = this.current ?? connections[0];
    const inOrder = from(connections, current);
    const ready = inOrder.find(({ state }) => state === 'ready');
    if (ready === undefined) {
      return { picker: QUEUE, inUse: current, connect: nextOf(inOrder, current), release: [] };
    }
    this.current = ready;
    const release = inOrder.filter(({ state }) => state === 'connecting' || state === 'away');
    return { picker: new SinglePicker(ready), inUse: ready, connect: [], release };
  }
}

/** Rotates the connections, so that `first` is the first one. */
function from<Connection>(connections: readonly Connection[], first: Connection): readonly Connection[] {
  const at = connections.indexOf(first);
  return [...connections.slice(at), ...connections.slice(0, at)];
}

/** The next address to try; none while a first attempt is pending, or before the client connects. */
function nextOf<Connection extends BalancedConnection>(
  inOrder: readonly Connection[],
  current: Connection,
): readonly Connection[] {
  const hasStarted = current.state !== 'idle';
  const isPending = inOrder.some(({ state }) => state === 'connecting');
  return hasStarted && !isPending ? inOrder.filter(({ state }) => state === 'idle').slice(0, 1) : [];
}

class SinglePicker<Connection> implements Picker<Connection> {
  private readonly result: PickResult<Connection>;

  constructor(connection: Connection) {
    this.result = { is: 'connection', connection };
  }

  pick(): PickResult<Connection> {
    return this.result;
  }
}

const QUEUED = { is: 'queue' } as const;

/** While no connection is ready. */
const QUEUE: Picker<never> = { pick: () => QUEUED };
