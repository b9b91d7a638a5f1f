import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { NodeEngine } from '../../src/node.js';
import { atEnd, HOST, proveNothingIsLeft } from '../support/harness.js';
import { bind, dial, httpServer, OVER, serve, whoIsAt } from './harness.js';

/** The headers of the 101 that opens a connection. */
async function openingOf(port: number, transport: string): Promise<IncomingMessage> {
  const request = httpRequest({
    host: HOST,
    port,
    agent: false,
    path: `/socket.io/?EIO=4&transport=${transport}`,
    headers: {
      Connection: 'Upgrade',
      Upgrade: transport === 'websocket' ? 'websocket' : 'node-transport',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
    },
  });
  request.end();
  const [response, stream] = await once(request, 'upgrade');
  atEnd(() => stream.destroy());
  return response as IncomingMessage;
}

/** As the package `on-headers` does it, on which express-session and others stand. */
function onHeaders(response: ServerResponse, listener: (response: ServerResponse) => void): void {
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  let isFirst = true;
  response.writeHead = function (this: ServerResponse, ...head: unknown[]) {
    if (isFirst) {
      isFirst = false;
      listener(this);
    }
    return writeHead(...head);
  };
}

/** Each connection has a session, whose cookie is set with the headers. */
function session(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  Object.assign(request, { session: { views: 1 } });
  onHeaders(response, (late) => late.setHeader('Set-Cookie', ['session=s%3A1; Path=/; HttpOnly', 'b=2']));
  next();
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

async function start(...middlewares: Middleware[]) {
  const http = httpServer();
  const { io, logger } = serve(http);
  for (const middleware of middlewares) (io.engine as unknown as NodeEngine).use(middleware);
  return { io, logger, port: await bind(http) };
}

describe.each(OVER)('a middleware of the engine, over %s,', (transport) => {
  proveNothingIsLeft();

  it('that waits for the headers to be written, as express-session does, sets its cookie', async () => {
    const { io, port } = await start(session);
    const connection = once(io.engine as never, 'connection');
    const { headers } = await openingOf(port, transport);
    expect(headers['set-cookie']?.join('; ').replaceAll(/,\s*/g, '; ')).toBe(
      'session=s%3A1; Path=/; HttpOnly; b=2',
    );
    const [{ request }] = (await connection) as [{ request: { session?: unknown } }];
    expect(request.session).toEqual({ views: 1 });
    expect(await whoIsAt(port, transport)).toBe('n2n');
  });

  it('that waits, and one that sets a header at once, are both heard', async () => {
    const { port } = await start(session, (_request, response, next) => {
      response.setHeader('X-Early', 'yes');
      next();
    });
    const { headers } = await openingOf(port, transport);
    expect(headers).toMatchObject({ 'x-early': 'yes' });
    expect(headers['set-cookie']).toBeDefined();
  });

  it('that waits for the connection to end, as loggers do, is told', async () => {
    const ended = new Promise((resolve) => {
      void start((_request, response, next) => {
        response.once('close', resolve);
        next();
      }).then(async ({ port }) => {
        const socket = dial(port, transport);
        socket.once('connect', () => socket.disconnect());
      });
    });
    await ended;
  });
});

describe('a middleware that throws when the headers are written', () => {
  proveNothingIsLeft();

  it('refuses the connection, and the process lives', async () => {
    const { port, logger } = await start((_request, response, next) => {
      onHeaders(response, () => {
        throw new Error('no session store');
      });
      next();
    });
    await expect(whoIsAt(port, 'nodeTransport')).rejects.toThrow(/400 Bad Request/);
    expect(await logger.line(/refused/)).toMatch(/MIDDLEWARE_FAILURE/);
  });
});
