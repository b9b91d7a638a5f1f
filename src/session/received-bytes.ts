/** What came is acknowledged at the latest when it is as many bytes. */
const ACK_AT = 256 * 1024;

/** And when anything is sent anyway, from as many bytes on. */
const ACK_BESIDE_AT = 4 * 1024;

/** Counts the bytes of the session that have come, and says when the other side gets an ACK of them. */
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

  /** Whether an ACK is worth its bytes beside frames that leave anyway. */
  get isAckWorthwhile(): boolean {
    return this.received - this.acknowledged >= ACK_BESIDE_AT;
  }

  /** Everything that has come is acknowledged. @returns the position for the ACK */
  acknowledge(): number {
    this.acknowledged = this.received;
    return this.received;
  }
}
