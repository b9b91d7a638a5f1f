import { optionError, wholeNumberOption } from '../transport/option-checks.js';
import {
  codecOf,
  jsonCodec,
  v8Codec,
  type Codec,
  type CodecName,
  type UserCodec,
} from '../protocol/codec.js';

/** @throws N2NError `INVALID_OPTIONS` */
export function codecOption(codec: CodecName | UserCodec | undefined): Codec {
  if (codec === undefined || codec === 'json') return jsonCodec;
  if (codec === 'v8') return v8Codec;
  const { name, encode, decode } = (typeof codec === 'object' ? codec : {}) as Partial<UserCodec>;
  const isCodec = typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function';
  if (!isCodec || name === 'json' || name === 'v8') {
    throw optionError('codec', codec, '"json", "v8", or an object with a name of its own, encode and decode');
  }
  return codecOf(codec);
}

/** How long a call waits without any answer, in milliseconds; 0 for ever. @throws N2NError `INVALID_OPTIONS` */
export function callTimeoutOption(timeout: number | undefined): number {
  return wholeNumberOption('timeout', timeout, 30_000, {
    least: 0,
    most: 2 ** 31 - 1,
    unit: ' of milliseconds',
  });
}
