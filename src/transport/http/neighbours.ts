/** A listener for the upgrades of an HTTP server. */
type UpgradeListener = (request: unknown, stream: unknown, head: Buffer) => unknown;

/** A server of another library that answers upgrades, and the pattern that recognises its listener. */
interface NeighbourKind {
  readonly name: string;
  readonly source: RegExp;
  /** Whether its listener uses the stream before it checks the path. */
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
    // The whole body is a call of a method with one more argument.
    source: /=>\s*\{?\s*this\.handleUpgrade\(\s*[\w$]+,\s*[\w$]+,\s*[\w$]+,\s*[\w$]+\s*\);?\s*\}?$/,
    touchesStreamFirst: true,
  },
];

/** Thrown into a listener to stop it, as soon as its decision is known. */
const STOP = Symbol('stop');

/**
 * Finds out whether a listener belongs to a server of another library that answers upgrades at `path`, but not at every path.
 * Such a server does not publish its path. So this calls its listener with a fake request, and stops it at its first action
 * after it has checked the path. Listeners of other kinds are not called, because they could do anything.
 *
 * @returns the name of the server; undefined for other listeners, and for those that do not answer at the path
 */
export function neighbourAt(listener: unknown, path: string): string | undefined {
  const kind = kindOf(listener);
  if (kind === undefined) return undefined;
  const answers = (url: string): boolean => takesUp(listener as UpgradeListener, url, kind);
  const elsewhere = path.replace(/[^/]+\/?$/, 'n2n-looks-for-its-neighbours/');
  return answers(path) && !answers(elsewhere) ? kind.name : undefined;
}

/** Whether a listener can be tested as soon as it is added. A `WebSocketServer` has no path yet at that time. */
export function isReady(listener: unknown): boolean {
  return kindOf(listener)?.touchesStreamFirst !== true;
}

function kindOf(listener: unknown): NeighbourKind | undefined {
  if (typeof listener !== 'function') return undefined;
  const source = Function.prototype.toString.call(listener);
  return KINDS.find((kind) => kind.source.test(source));
}

/** The headers of a request that no WebSocket server refuses before it checks the path. */
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
      // The listener must never write to it.
      return name === 'writable' ? false : stream;
    },
  });
  try {
    listener(request, stream, Buffer.alloc(0));
  } catch {
    // The listener was stopped, or does not support such a request.
  }
  isOver = true;
  return hasTakenUp;
}
