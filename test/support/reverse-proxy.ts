import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ReverseProxy {
  readonly port: number;
  /** What was asked of it: the token of each upgrade, or `-`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** Headers for one connection only, which a proxy must not pass on. */
const HOP_BY_HOP = ['connection', 'upgrade', 'keep-alive', 'transfer-encoding', 'te', 'trailer'];

/**
 * A reverse proxy as one stands before a service. Upgrades that it lets through it asks of the service again, and then
 * carries bytes; of the others it drops the `Upgrade` header, as nginx does with hop-by-hop headers, and the service
 * sees an ordinary request.
 */
export async function startReverseProxy(
  servicePort: number,
  letsThrough: (token: string) => boolean = () => true,
): Promise<ReverseProxy> {
  const asked: string[] = [];
  const streams = new Set<Duplex>();
  const keep = (stream: Duplex): void => {
    streams.add(stream);
    stream.on('error', () => stream.destroy());
    stream.once('close', () => streams.delete(stream));
  };
  const ask = (request: IncomingMessage, more: Record<string, string>) =>
    httpRequest({
      host: '127.0.0.1',
      port: servicePort,
      method: request.method,
      path: request.url,
      agent: false,
      headers: { ...withoutHops(request), 'x-forwarded-for': request.socket.remoteAddress, ...more },
    });

  const server = createServer((request, response) => {
    asked.push('-');
    const onward = ask(request, {});
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.on('connection', keep);
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const token = request.headers.upgrade ?? '';
    asked.push(token);
    const onward = ask(request, letsThrough(token) ? { connection: 'upgrade', upgrade: token } : {});
    onward.on('upgrade', (answer, service, serviceHead) => {
      keep(service);
      client.write(headOf(answer));
      if (serviceHead.length > 0) client.write(serviceHead);
      if (head.length > 0) service.write(head);
      service.pipe(client).pipe(service);
      client.once('close', () => service.destroy());
      service.once('close', () => client.destroy());
    });
    onward.on('response', (answer) => {
      client.write(headOf(answer, 'connection: close\r\n'));
      answer.pipe(client);
    });
    onward.on('error', () => client.destroy());
    client.once('close', () => onward.destroy());
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async close() {
      for (const stream of streams) stream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function withoutHops({ headers }: IncomingMessage): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.includes(name)) kept[name] = value;
  }
  return kept;
}

function headOf(answer: IncomingMessage, more = ''): string {
  let text = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${more}`;
  const upgraded = answer.statusCode === 101;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (upgraded || !HOP_BY_HOP.includes(name)) text += `${name}: ${String(value)}\r\n`;
  }
  return `${text}\r\n`;
}
