import { optionError, wholeNumberOption } from '../transport/option-checks.js';
import type { OfflinePolicy } from './record.js';
import {
  codecOf,
  jsonCodec,
  v8Codec,
  type Codec,
  type CodecName,
  type UserCodec,
} from '../protocol/values/codec.js';

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

/** @throws N2NError `INVALID_OPTIONS` */
export function offlineOption(offline: OfflinePolicy | undefined): OfflinePolicy | undefined {
  if (offline === undefined || offline === 'buffer' || offline === 'reject') return offline;
  throw optionError('offline', offline, '"buffer" or "reject"');
}

/** How long a call waits without any answer, in milliseconds; 0 for ever. @throws N2NError `INVALID_OPTIONS` */
export function callTimeoutOption(timeout: number | undefined): number {
  return spanOption('timeout', timeout, 30_000);
}

/** A time in milliseconds, where 0 has a meaning of its own. @throws N2NError `INVALID_OPTIONS` */
export function spanOption(option: string, span: number | undefined, byDefault: number): number {
  return wholeNumberOption(option, span, byDefault, {
    least: 0,
    most: 2 ** 31 - 1,
    unit: ' of milliseconds',
  });
}

/** How much is kept to be sent again: enough for what is sent before an acknowledgement can come. */
export function replayOption(maxReplay: number | undefined): number {
  return wholeNumberOption('maxReplay', maxReplay, 8 * 1024 * 1024, {
    least: 1024 * 1024,
    most: 2 ** 31 - 1,
    unit: ' of bytes',
  });
}
