import { Injectable, type PipeTransform } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import type { CountRequest } from '../contract.js';

/** Checks what callers send: any Socket.IO client may call, and types hold only in this process. */
@Injectable()
export class CountRequestPipe implements PipeTransform<unknown, CountRequest> {
  transform(value: unknown): CountRequest {
    if (typeof value === 'string' || isPiece(value)) return value;
    throw new RpcException('words.count takes a text, or an object with the texts "job" and "text".');
  }
}

function isPiece(value: unknown): value is Exclude<CountRequest, string> {
  if (typeof value !== 'object' || value === null) return false;
  return 'job' in value && typeof value.job === 'string' && 'text' in value && typeof value.text === 'string';
}
