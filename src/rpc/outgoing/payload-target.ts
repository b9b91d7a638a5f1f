import type { StreamTarget } from '../streams/stream-target.js';
import type { OutgoingCall } from './outgoing-call.js';

/** Sends the values of a payload. See `StreamTarget`. */
export interface PayloadPort {
  isPayloadReady(call: OutgoingCall): boolean;
  whenPayloadReady(call: OutgoingCall, callback: () => void): void;
  nextOfPayload(call: OutgoingCall, value: unknown): void;
  completePayload(call: OutgoingCall): void;
  failPayload(call: OutgoingCall, error: unknown): void;
}

/** A payload that is a stream. It is stopped when its call is over, or when the handler wants no more values. */
export class PayloadTarget implements StreamTarget {
  private state: 'open' | 'ended' | 'stopped' = 'open';
  private stops: ((reason: unknown) => void)[] = [];

  constructor(
    private readonly call: OutgoingCall,
    private readonly port: PayloadPort,
  ) {}

  get isStopped(): boolean {
    return this.state !== 'open';
  }

  get isReady(): boolean {
    return this.port.isPayloadReady(this.call);
  }

  whenReady(callback: () => void): void {
    if (this.state === 'open') this.port.whenPayloadReady(this.call, callback);
    else callback();
  }

  next(value: unknown): void {
    if (this.state === 'open') this.port.nextOfPayload(this.call, value);
  }

  complete(): void {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.port.completePayload(this.call);
  }

  fail(error: unknown): void {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.port.failPayload(this.call, error);
  }

  whenCancelled(stop: (reason: unknown) => void): void {
    if (this.state === 'stopped') stop(undefined);
    else this.stops.push(stop);
  }

  /** @internal The other side takes no more values. */
  stop(): void {
    if (this.state === 'stopped') return;
    const wasOpen = this.state === 'open';
    this.state = 'stopped';
    const { stops } = this;
    this.stops = [];
    if (wasOpen) for (const stop of stops) stop(undefined);
  }
}
