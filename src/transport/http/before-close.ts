import type { Server as HttpServer } from 'node:http';
import { overrideMethod } from './override-method.js';

/**
 * A task that runs before an HTTP server closes.
 * @returns a promise that settles when the port may be closed; undefined to close it immediately
 */
export type BeforeClose = () => Promise<void> | undefined;

interface CloseHook {
  readonly tasks: Set<BeforeClose>;
  readonly restore: () => void;
}

/** One hook for each server, so that its users may detach in any order. */
const hooks = new WeakMap<HttpServer, CloseHook>();

/**
 * Runs a task when `server.close()` is called. A hybrid Nest application closes its HTTP server before its microservices. The
 * closing server waits for upgraded connections, and emits no event that says so.
 *
 * @returns a function that removes the task
 */
export function beforeClose(server: HttpServer, task: BeforeClose): () => void {
  const hook = hooks.get(server) ?? hookOf(server);
  const { tasks, restore } = hook;
  tasks.add(task);
  return () => {
    if (!tasks.delete(task) || tasks.size > 0) return;
    hooks.delete(server);
    restore();
  };
}

function hookOf(server: HttpServer): CloseHook {
  const tasks = new Set<BeforeClose>();
  const restore = overrideMethod<[callback?: (error?: Error) => void], HttpServer>(
    server,
    'close',
    (close) => (callback) => {
      const open = [...tasks].map((task) => task()).filter((done) => done !== undefined);
      if (open.length === 0) return close(callback);
      void Promise.all(open).then(() => close(callback));
      return server;
    },
  );
  const hook = { tasks, restore };
  hooks.set(server, hook);
  return hook;
}
