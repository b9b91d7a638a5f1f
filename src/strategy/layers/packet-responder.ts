import type { Deserializer } from '@nestjs/microservices';
import { IncomingResponseDeserializer } from '@nestjs/microservices/deserializers/incoming-response.deserializer.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import { serializePacket, type PacketFormat } from '../../call/nest-packets/packet-format.js';
import type { Responder } from '../handlers/responder.js';

/** The default deserializer of a client. */
const RESPONSE_DESERIALIZER: Deserializer = new IncomingResponseDeserializer();

/**
 * Writes answers through the server's serializer, which gets the same packets as in Nest's TCP transport. A client that
 * does not use packets gets the values that Nest's default deserializer reads from them.
 */
export class PacketResponder implements Responder {
  constructor(
    private readonly call: IncomingCall,
    private readonly format: PacketFormat,
    private readonly id: unknown,
    private readonly takesPackets: boolean,
  ) {}

  get isStopped(): boolean {
    return this.call.isStopped;
  }

  get isReady(): boolean {
    return this.call.isReady;
  }

  whenReady(callback: () => void): void {
    this.call.whenReady(callback);
  }

  whenCancelled(stop: (reason: unknown) => void): void {
    this.call.whenCancelled(stop);
  }

  next(response: unknown): void {
    if (this.isStopped) return;
    try {
      const value = this.serialized({ response, id: this.id });
      if (this.takesPackets) {
        this.call.next(value);
        return;
      }
      const answer = readByDefault(value);
      if (isError(answer)) this.call.abort(answer.err);
      else this.call.next(answer.response);
    } catch (error) {
      this.call.abort(error);
    }
  }

  reply(response: unknown): void {
    this.last({ response, isDisposed: true, id: this.id });
  }

  complete(): void {
    this.last({ isDisposed: true, id: this.id });
  }

  fail(error: unknown): void {
    this.last({ err: error, isDisposed: true, id: this.id });
  }

  private last(packet: object): void {
    if (this.isStopped) {
      // The caller has cancelled, but the call still has to end.
      this.call.complete();
      return;
    }
    try {
      const value = this.serialized(packet);
      if (this.takesPackets) {
        this.call.reply(value);
        return;
      }
      const answer = readByDefault(value);
      if (isError(answer)) this.call.fail(answer.err);
      else this.call.reply(answer.response);
    } catch (error) {
      this.call.fail(error);
    }
  }

  private serialized(packet: object): unknown {
    return serializePacket(this.format, packet);
  }
}

function readByDefault(value: unknown): { err?: unknown; response?: unknown } {
  return RESPONSE_DESERIALIZER.deserialize(value) as { err?: unknown; response?: unknown };
}

/** Follows the rule of Nest's `ClientProxy`. */
function isError({ err }: { err?: unknown }): boolean {
  return Boolean(err);
}
