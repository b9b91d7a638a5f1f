import type { N2NError } from '../n2n-error.js';

/** Those who wait for a connection: one promise, and how it comes out. */
export class PendingConnect {
  readonly promise: Promise<void>;
  private settle: { resolve(): void; reject(error: N2NError): void } | undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  resolve(): void {
    this.settle?.resolve();
  }

  reject(error: N2NError): void {
    this.settle?.reject(error);
  }
}
