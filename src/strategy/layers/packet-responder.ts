import type { Deserializer } from '@nestjs/microservices';
import { IncomingResponseDeserializer } from '@nestjs/microservices/deserializers/incoming-response.deserializer.js';
import type { IncomingCall } from '../../rpc/incoming/incoming-call.js';
import { serializePacket, type PacketFormat } from '../../call/nest-packets/packet-format.js';
import type { Responder } from '../handlers/responder.js';

/** What a client has that has set no deserializer. */
const RESPONSE_DESERIALIZER: Deserializer = new IncomingResponseDeserializer();

/**
 * Answers a call through the server's serializer, with the packets that Nest's TCP transport would give it. A client that
 * does not speak in packets gets what its deserializer, Nest's own, would have made of them.
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
      // Nobody wants the answer; the call still has to end.
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

/** As Nest's `ClientProxy` sees it. */
function isError({ err }: { err?: unknown }): boolean {
  return Boolean(err);
}
