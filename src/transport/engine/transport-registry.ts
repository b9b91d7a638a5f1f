import type { Duplex } from 'node:stream';
import type { Transport as EngineClientTransport } from 'engine.io-client';
import { transports as clientBuiltIns } from 'engine.io-client';
import { N2NError } from '../../n2n-error.js';
import { NODE_TRANSPORT, NodeClientTransport, NodeServerTransport } from './node-transport.js';
import type { EngineRequest, StreamServerTransport } from './stream-server-transport.js';

/** A client's half, which `engine.io-client` constructs. Its `name` is on the prototype. */
export type ClientTransportClass = new (options: unknown) => EngineClientTransport;

/** A server's half, which `NodeEngine` constructs over an open stream. */
type ServerTransportClass = new (
  request: EngineRequest,
  stream: Duplex,
  maxBytes: number,
) => StreamServerTransport;

/** Both halves of a transport. */
export interface TransportDefinition {
  server: ServerTransportClass;
  client: ClientTransportClass;
}

const added = new Map<string, TransportDefinition>();

/** Whether Engine.IO itself has a transport of this name. */
export function isBuiltIn(name: string): boolean {
  return Object.hasOwn(clientBuiltIns, name);
}

/**
 * Registers a transport under `name`, for servers and clients that have the name in their option `transports`. Other servers
 * and clients, and Engine.IO's own tables, are not affected.
 *
 * @throws N2NError `INVALID_OPTIONS` if the name is empty or in use, or a half is missing
 */
export function addTransport(name: string, definition: TransportDefinition): void {
  if (typeof name !== 'string' || name === '') {
    throw new N2NError(
      'INVALID_OPTIONS',
      `addTransport: name is ${JSON.stringify(name)}; give a non-empty string.`,
    );
  }
  if (added.has(name) || isBuiltIn(name)) {
    throw new N2NError(
      'INVALID_OPTIONS',
      `addTransport: there is a transport "${name}" already; take another name.`,
    );
  }
  for (const half of ['server', 'client'] as const) {
    if (typeof definition?.[half] !== 'function') {
      throw new N2NError('INVALID_OPTIONS', `addTransport("${name}"): ${half} must be a transport class.`);
    }
  }
  added.set(name, definition);
}

/** The client's half of the transport. @throws N2NError `INVALID_OPTIONS` if there is no transport of this name */
export function clientTransport(name: string): ClientTransportClass {
  const definition = added.get(name);
  if (definition !== undefined) return definition.client;
  if (isBuiltIn(name)) return (clientBuiltIns as unknown as Record<string, ClientTransportClass>)[name];
  throw unknownTransport(name);
}

/** The server's half of a registered transport. Undefined for Engine.IO's own transports and for unknown names. */
export function serverTransport(name: string): ServerTransportClass | undefined {
  return added.get(name)?.server;
}

/** The transports of both sides, in the order in which a client tries them. */
export const DEFAULT_TRANSPORTS: readonly string[] = [NODE_TRANSPORT, 'websocket'];

/** @returns a copy of the names @throws N2NError `INVALID_OPTIONS` */
export function checkTransportNames(names: unknown): readonly string[] {
  if (!Array.isArray(names) || names.length === 0) {
    throw new N2NError('INVALID_OPTIONS', 'transports must be a list of at least one transport name.');
  }
  for (const name of names) if (!added.has(name) && !isBuiltIn(name)) throw unknownTransport(name);
  return [...names];
}

function unknownTransport(name: string): N2NError {
  const known = [...added.keys(), ...Object.keys(clientBuiltIns)].join(', ');
  return new N2NError('INVALID_OPTIONS', `transports names ${JSON.stringify(name)}; there are: ${known}.`);
}

addTransport(NODE_TRANSPORT, { server: NodeServerTransport, client: NodeClientTransport });
