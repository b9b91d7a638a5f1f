import type { N2NError } from '../n2n-error.js';

/** One promise that all waiting `connect` calls share. */
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
