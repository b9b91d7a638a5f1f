import { describe, expect, it } from 'vitest';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connected, next, refusalOf } from './events.js';
import type { Place } from '../place.js';

type Next = (error?: Error) => void;

export function handshakeSuite(place: Place): void {
  describe('the handshake', () => {
    it('is refused by allowRequest, and told on the server', async () => {
      const served = await place({
        allowRequest: (_request, done) => done('not today', false),
      });
      const refused = next<[{ code: number; message: string; context: { message: string } }]>(
        served.io.engine as never,
        'connection_error',
      );
      expect(await refusalOf(served.client())).toBeInstanceOf(Error);
      const [{ code, message, context }] = await refused;
      expect({ code, message, said: context.message }).toEqual({
        code: 4,
        message: 'Forbidden',
        said: 'not today',
      });
      expect(await served.logger.line(/refused/)).toMatch(/Forbidden \(not today\)/);
    });

    it('is let through by allowRequest, with the request at hand', async () => {
      const headers: unknown[] = [];
      const served = await place({
        allowRequest: (request, done) => {
          headers.push(request.headers['x-token']);
          setImmediate(() => done(null, true));
        },
      });
      await connected(served, { extraHeaders: { 'x-token': 'good' } });
      expect(headers).toEqual(['good']);
    });

    it('is refused where the server has other transports', async () => {
      const served = await place();
      const other = served.transport === 'websocket' ? 'nodeTransport' : 'websocket';
      const elsewhere = await place({ transports: [other] });
      const refused = next<[{ code: number }]>(elsewhere.io.engine as never, 'connection_error');
      expect(await refusalOf(elsewhere.client())).toBeInstanceOf(Error);
      expect((await refused)[0].code).toBe(0);
    });

    it('passes engine middlewares in order, whose headers come with the 101', async () => {
      const served = await place();
      const passed: string[] = [];
      served.io.engine.use((_request: IncomingMessage, response: ServerResponse, done: Next) => {
        passed.push('first');
        response.setHeader('X-Content-Type-Options', 'nosniff');
        response.setHeader('X-Dropped', 'yes');
        done();
      });
      served.io.engine.use((_request: IncomingMessage, response: ServerResponse, done: Next) => {
        passed.push('second');
        response.removeHeader('X-Dropped');
        setImmediate(done);
      });
      const response = await served.upgrade();
      expect(response.statusCode).toBe(101);
      expect(response.headers['x-content-type-options']).toBe('nosniff');
      expect(response.headers['x-dropped']).toBeUndefined();
      expect(passed).toEqual(['first', 'second']);
      await connected(served);
    });

    it.each<[string, (request: IncomingMessage, response: ServerResponse, done: Next) => void]>([
      ['gives an error', (_request, _response, done) => done(new Error('no'))],
      [
        'throws',
        () => {
          throw new Error('no');
        },
      ],
      [
        'answers by itself',
        (_request, response) => {
          response.statusCode = 401;
          response.end('who are you?');
        },
      ],
    ])('is refused by an engine middleware that %s', async (_case, middleware) => {
      const served = await place();
      let accepted = 0;
      served.io.on('connection', () => (accepted += 1));
      served.io.engine.use(middleware);
      expect(await refusalOf(served.client())).toBeInstanceOf(Error);
      expect(accepted).toBe(0);
      expect(served.io.engine.clientsCount).toBe(0);
    });

    it('tells initial_headers and headers, which may add to the 101', async () => {
      const served = await place();
      const told: string[] = [];
      const add = (event: string) => (headers: Record<string, string>, request: IncomingMessage) => {
        told.push(event);
        headers[`x-${event}`] = request.headers['x-who'] as string;
      };
      served.io.engine.on('initial_headers', add('initial'));
      served.io.engine.on('headers', add('every'));
      const { headers } = await served.upgrade({ 'x-who': 'me' });
      expect(told).toEqual(['initial', 'every']);
      expect(headers['x-initial']).toBe('me');
      expect(headers['x-every']).toBe('me');
    });

    it('gives ids that cannot be guessed, or those of generateId', async () => {
      const served = await place();
      served.io.engine.generateId = () => 'my-own-id';
      const { server } = await connected(served);
      expect(server.conn).toHaveProperty('id', 'my-own-id');
    });

    it('is refused when generateId fails, and the connection is closed', async () => {
      const served = await place();
      served.io.engine.generateId = async () => {
        throw new Error('out of ids');
      };
      expect(await refusalOf(served.client())).toBeInstanceOf(Error);
      expect(served.io.engine.clientsCount).toBe(0);
    });
  });
}
