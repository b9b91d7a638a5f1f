import type { Server as HttpServer } from 'node:http';
import { overrideMethod } from './override-method.js';

/**
 * What is done first when somebody closes an HTTP server.
 * @returns what settles when the port may be closed; undefined for at once
 */
export type BeforeClose = () => Promise<void> | undefined;

interface CloseHook {
  readonly tasks: Set<BeforeClose>;
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
