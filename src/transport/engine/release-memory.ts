/** Bytes that do not share their memory have at most the header of their packet before them. */
const MOST_IN_FRONT = 5;

/** Memory below this length, in bytes, is left to the garbage collector. */
export const LEAST_RELEASED = 16 * 1024;

/**
 * Frees the memory of bytes that are no longer used, unless it also holds other bytes. The bytes are empty afterwards.
 *
 * V8 frees a read only at its next collection. It lets 32 MiB of reads accumulate before that, and then marks the whole heap if
 * it has more than a few megabytes. After an early release, the next read can use the same memory, which is in the processor's
 * cache. A Socket.IO echo of 1 MiB over nodeTransport became 1.25 times as fast, which is the speed of a plain socket.
 */
export function releaseMemory({ buffer, byteOffset, length }: Buffer): void {
  const { byteLength } = buffer;
  const isAlone = byteOffset <= MOST_IN_FRONT && byteOffset + length === byteLength;
  if (isAlone && byteLength >= LEAST_RELEASED && buffer instanceof ArrayBuffer) transfer(buffer);
}

/** A transfer takes the memory of an `ArrayBuffer`. Dropping the result frees it. Takes 0.2 microseconds. */
const transfer: (memory: ArrayBuffer) => unknown =
  'transfer' in ArrayBuffer.prototype
    ? (memory) => (memory as ArrayBuffer & { transfer(length: number): unknown }).transfer(0)
    : transferToClosedPort;

let port: InstanceType<typeof MessagePort> | undefined;

/** Node 20 has no `ArrayBuffer.prototype.transfer`. A message to a closed port is transferred and dropped. Takes 0.7 microseconds. */
function transferToClosedPort(memory: ArrayBuffer): void {
  port ??= closedPort();
  port.postMessage(undefined, [memory]);
}

function closedPort(): InstanceType<typeof MessagePort> {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}
