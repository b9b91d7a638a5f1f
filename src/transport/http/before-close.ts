import type { Server as HttpServer } from 'node:http';
import { overrideMethod } from './override-method.js';

interface CloseHook {
  readonly tasks: Set<() => void>;
  readonly restore: () => void;
}

/** One for each server: whoever shares it may leave in any order. */
const hooks = new WeakMap<HttpServer, CloseHook>();

/**
 * Runs a task when `server.close()` is called. A hybrid Nest app closes its HTTP server before its microservices, and
 * an HTTP server that is closing waits for connections that were upgraded, and tells nobody that it waits.
 *
 * @returns what takes the task off again
 */
export function beforeClose(server: HttpServer, task: () => void): () => void {
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
  const tasks = new Set<() => void>();
  const restore = overrideMethod<[callback?: (error?: Error) => void], HttpServer>(
    server,
    'close',
    (close) => (callback) => {
      for (const task of tasks) task();
      return close(callback);
    },
  );
  const hook = { tasks, restore };
  hooks.set(server, hook);
  return hook;
}
