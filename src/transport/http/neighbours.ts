/** Whoever else listens to the upgrades of an HTTP server. */
type UpgradeListener = (request: unknown, stream: unknown, head: Buffer) => unknown;

/** A server of another library that answers upgrades, and how its listener is recognised. */
interface NeighbourKind {
  readonly name: string;
  readonly source: RegExp;
  /** Whether it touches the stream before it has looked at the path, and not only once it has found it to be another's. */
  readonly touchesStreamFirst: boolean;
}

const KINDS: readonly NeighbourKind[] = [
  {
    name: 'a Socket.IO server, such as that of a gateway',
    source: /\.handleUpgrade\([^]*\bdestroyUpgrade\b/,
    touchesStreamFirst: false,
  },
  {
    name: 'a WebSocketServer of "ws"',
    // Its whole body is a call of its own method with one argument more.
    source: /=>\s*\{?\s*this\.handleUpgrade\(\s*[\w$]+,\s*[\w$]+,\s*[\w$]+,\s*[\w$]+\s*\);?\s*\}?$/,
    touchesStreamFirst: true,
  },
];

/** Thrown at a listener to stop it, when it has shown what it would do. */
const STOP = Symbol('stop');

/**
 * Whether a listener belongs to a server of another library that answers upgrades at `path`, and not wherever they go. Such
 * a server does not tell its path. So its listener is shown a request, and stopped at the first thing that it does
 * after it has looked at the path. Listeners of other kinds are not called: nobody knows what they would do.
 *
 * @returns what the server is; undefined for other listeners, and for those that leave this path alone
 */
export function neighbourAt(listener: unknown, path: string): string | undefined {
  const kind = kindOf(listener);
  if (kind === undefined) return undefined;
  const answers = (url: string): boolean => takesUp(listener as UpgradeListener, url, kind);
  const elsewhere = path.replace(/[^/]+\/?$/, 'n2n-looks-for-its-neighbours/');
  return answers(path) && !answers(elsewhere) ? kind.name : undefined;
}

/** Whether what a listener does can be found out as soon as it is added. A `WebSocketServer` does not know its path by then. */
export function isReady(listener: unknown): boolean {
  return kindOf(listener)?.touchesStreamFirst !== true;
}

function kindOf(listener: unknown): NeighbourKind | undefined {
  if (typeof listener !== 'function') return undefined;
  const source = Function.prototype.toString.call(listener);
  return KINDS.find((kind) => kind.source.test(source));
}

/** What stands in a request that no WebSocket server refuses before it has looked at the path. */
const HEADERS: Readonly<Record<string, string>> = {
  host: 'localhost',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'bmVzdGpzLW4ybiBsb29rcw==',
};

const KNOWN: ReadonlySet<PropertyKey> = new Set(['url', 'method', 'headers', 'httpVersion']);

function takesUp(listener: UpgradeListener, url: string, { touchesStreamFirst }: NeighbourKind): boolean {
  let hasTakenUp = false;
  let isOver = false;
  const takeUp = (): never => {
    hasTakenUp = true;
    throw STOP;
  };
  const headers = new Proxy(HEADERS, {
    get: (all, name) => (name in all || isOver ? Reflect.get(all, name) : takeUp()),
  });
  const request = new Proxy<object>(
    { url, method: 'GET', httpVersion: '1.1', headers },
    {
      get: (all, name) => (KNOWN.has(name) || isOver ? Reflect.get(all, name) : takeUp()),
    },
  );
  const stream: object = new Proxy(() => stream, {
    get: (_all, name) => {
      if (!touchesStreamFirst && !isOver) throw STOP;
      // Nothing can be written to it, not even later.
      return name === 'writable' ? false : stream;
    },
  });
  try {
    listener(request, stream, Buffer.alloc(0));
  } catch {
    // It was stopped, or cannot do with such a request.
  }
  isOver = true;
  return hasTakenUp;
}
