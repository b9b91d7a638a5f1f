import { Duplex } from 'node:stream';
import { NodeServerTransport } from 'nestjs-n2n/node';
import { median } from '../statistics.js';
import type { Measurement, Workload } from './workload.js';

/** A packet that comes byte by byte, through the server's half of nodeTransport, with no socket and no other process. */
export interface SlicesWork {
  readonly kind: 'slices';
  /** How often each size is read; the median counts. */
  readonly repeats: number;
}

const KIB = 1024;
/** Of the packets' data. The first and the last decide whether the time is linear in the bytes. */
const SIZES = [256 * KIB, 512 * KIB, 1024 * KIB] as const;

const HEADER_BYTES = 5;
/** A message (4) of bytes (the highest bit). */
const BINARY_MESSAGE = 0x84;

export class Slices implements Workload {
  constructor(private readonly work: SlicesWork) {}

  async prepare(): Promise<void> {
    for (const bytes of SIZES) readSliced(bytes);
  }

  async round(): Promise<Measurement> {
    const [quarter, half, whole] = SIZES.map((bytes) =>
      median(Array.from({ length: this.work.repeats }, () => readSliced(bytes))),
    );
    if (quarter === undefined || half === undefined || whole === undefined) throw new Error('No sizes');
    return {
      quarterMs: quarter,
      halfMs: half,
      wholeMs: whole,
      // 1 where a packet of four times the bytes takes four times as long; 4 where it takes sixteen times.
      growth: whole / quarter / 4,
    };
  }
}

/** @returns the milliseconds that a packet took */
function readSliced(bytes: number): number {
  const data = Buffer.alloc(bytes, 'slice');
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = BINARY_MESSAGE;
  header.writeUInt32BE(bytes, 1);
  const slices = Array.from(Buffer.concat([header, data]), (byte) => Buffer.from([byte]));

  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const request = { _query: { EIO: '4' }, headers: {} };
  const transport = new NodeServerTransport(request as never, stream, bytes);
  let got: unknown;
  transport.on('packet', (packet: { data?: unknown }) => (got = packet.data));
  const startedAt = performance.now();
  for (const slice of slices) stream.emit('data', slice);
  const took = performance.now() - startedAt;
  if (!Buffer.isBuffer(got) || !got.equals(data)) throw new Error('The packet is not what was sent');
  stream.destroy();
  return took;
}
