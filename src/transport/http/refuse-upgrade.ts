import type { Duplex } from 'node:stream';

/** Answers an upgrade with an error, and closes its connection. */
export function refuseUpgrade(stream: Duplex, status: string, message: string): void {
  stream.on('error', ignore);
  if (!stream.writable) {
    stream.destroy();
    return;
  }
  const length = Buffer.byteLength(message);
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${message}`,
    () => stream.destroy(),
  );
}

function ignore(): void {}
