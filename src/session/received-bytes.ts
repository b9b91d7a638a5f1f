/** An ACK is sent once so many bytes are unacknowledged. */
const ACK_AT = 256 * 1024;

/** An ACK is added to other frames once so many bytes are unacknowledged. */
const ACK_BESIDE_AT = 4 * 1024;

/** Counts the received bytes of the session, and decides when to acknowledge them. */
export class ReceivedBytes {
  private received = 0;
  /** The position that was acknowledged last. */
  private acknowledged = 0;

  get position(): number {
    return this.received;
  }

  add(bytes: number): void {
    this.received += bytes;
  }

  /** Whether an ACK must be sent now. */
  get isAckDue(): boolean {
    return this.received - this.acknowledged >= ACK_AT;
  }

  /** Whether to add an ACK to frames that are sent anyway. */
  get isAckWorthwhile(): boolean {
    return this.received - this.acknowledged >= ACK_BESIDE_AT;
  }

  /** Marks everything as acknowledged. @returns the position for the ACK */
  acknowledge(): number {
    this.acknowledged = this.received;
    return this.received;
  }
}
