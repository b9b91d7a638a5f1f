import type { N2NError } from '../n2n-error.js';
import { PendingConnect } from './pending-connect.js';

/** Who waits for a connection, and whether anybody has a use for one: `connect` alone is a question, and no use. */
export class ConnectRequests {
  private hasUse = false;
  /** Those who wait until each address was tried once. */
  private first: PendingConnect | undefined;
  /** Those who wait for as long as anything is tried. */
  private lasting: PendingConnect | undefined;

  get isEmpty(): boolean {
    return (this.first ?? this.lasting) === undefined;
  }

  /** Whether the attempts go on when each address was tried once in vain. */
  get isInUse(): boolean {
    return this.hasUse || this.lasting !== undefined;
  }

  /** A call or an event was made. */
  use(): void {
    this.hasUse = true;
  }

  /** Attempts begin anew. */
  begin(): void {
    this.hasUse = false;
  }

  /** @returns what settles with a connection, or when each address was tried once in vain */
  waitForFirst(): Promise<void> {
    return (this.first ??= new PendingConnect()).promise;
  }

  /** @returns what settles with a connection, or when none is to be hoped for */
  waitForAny(): Promise<void> {
    return (this.lasting ??= new PendingConnect()).promise;
  }

  /** There is a connection. */
  resolve(): void {
    const { first, lasting } = this;
    this.first = undefined;
    this.lasting = undefined;
    this.hasUse = true;
    first?.resolve();
    lasting?.resolve();
  }

  /** Each address was tried once in vain. */
  rejectFirst(error: N2NError): void {
    const { first } = this;
    this.first = undefined;
    first?.reject(error);
  }

  /** Nothing is tried any more. */
  reject(error: N2NError): void {
    const { lasting } = this;
    this.lasting = undefined;
    this.rejectFirst(error);
    lasting?.reject(error);
  }
}
