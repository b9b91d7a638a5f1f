/** In front of bytes that have their memory to themselves stands the header of their packet, at the most. */
const MOST_IN_FRONT = 5;

/** Shorter memory is as well left to the garbage collector, in bytes. */
export const LEAST_RELEASED = 16 * 1024;

/**
 * Gives the memory of bytes that nobody looks at any more back to the system, unless other bytes stand in it too. They are
 * empty after that.
 *
 * V8 learns only at its next collection that a read is not needed any more, and lets 32 MiB of reads gather before it
 * looks; with a heap of more than a few megabytes it then marks all of it. And the next read can take the same memory,
 * which is in the processor's cache. A Socket.IO echo of 1 MiB over nodeTransport became 1.25 times as fast, as fast as
 * one over a bare socket.
 */
export function releaseMemory({ buffer, byteOffset, length }: Buffer): void {
  const { byteLength } = buffer;
  const isAlone = byteOffset <= MOST_IN_FRONT && byteOffset + length === byteLength;
  if (isAlone && byteLength >= LEAST_RELEASED && buffer instanceof ArrayBuffer) transfer(buffer);
}

/** A transfer leaves an `ArrayBuffer` without memory, and to nowhere it frees that. Takes 0.2 microseconds. */
const transfer: (memory: ArrayBuffer) => unknown =
  'transfer' in ArrayBuffer.prototype
    ? (memory) => (memory as ArrayBuffer & { transfer(length: number): unknown }).transfer(0)
    : transferToClosedPort;

let port: InstanceType<typeof MessagePort> | undefined;

/** Node 20 has no `ArrayBuffer.prototype.transfer`; a message to a closed port is transferred and dropped. 0.7 microseconds. */
function transferToClosedPort(memory: ArrayBuffer): void {
  port ??= closedPort();
  port.postMessage(undefined, [memory]);
}

function closedPort(): InstanceType<typeof MessagePort> {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}
