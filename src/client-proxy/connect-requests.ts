import type { N2NError } from '../n2n-error.js';
import { PendingConnect } from './pending-connect.js';

/** The pending `connect` calls, and whether a connection is needed. `connect` alone does not keep the attempts going. */
export class ConnectRequests {
  private hasUse = false;
  /** Settles when each address was tried once. */
  private first: PendingConnect | undefined;
  /** Settles when the attempts have ended. */
  private lasting: PendingConnect | undefined;

  get isEmpty(): boolean {
    return (this.first ?? this.lasting) === undefined;
  }

  /** Whether the attempts continue after each address has failed once. */
  get isInUse(): boolean {
    return this.hasUse || this.lasting !== undefined;
  }

  /** A call or an event needs a connection. */
  use(): void {
    this.hasUse = true;
  }

  /** A new series of attempts begins. */
  begin(): void {
    this.hasUse = false;
  }

  /** @returns resolves with a connection; rejects when each address has failed once */
  waitForFirst(): Promise<void> {
    return (this.first ??= new PendingConnect()).promise;
  }

  /** @returns resolves with a connection; rejects when the attempts have stopped */
  waitForAny(): Promise<void> {
    return (this.lasting ??= new PendingConnect()).promise;
  }

  /** A connection is ready. */
  resolve(): void {
    const { first, lasting } = this;
    this.first = undefined;
    this.lasting = undefined;
    this.hasUse = true;
    first?.resolve();
    lasting?.resolve();
  }

  /** Each address has failed once. */
  rejectFirst(error: N2NError): void {
    const { first } = this;
    this.first = undefined;
    first?.reject(error);
  }

  /** The attempts have stopped. */
  reject(error: N2NError): void {
    const { lasting } = this;
    this.lasting = undefined;
    this.rejectFirst(error);
    lasting?.reject(error);
  }
}
