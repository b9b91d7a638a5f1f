import type { Duplex } from 'node:stream';
import type { Transport as EngineClientTransport } from 'engine.io-client';
import { transports as clientBuiltIns } from 'engine.io-client';
import { N2NError } from '../../n2n-error.js';
import { NODE_TRANSPORT, NodeClientTransport, NodeServerTransport } from './node-transport.js';
import type { EngineRequest, StreamServerTransport } from './stream-server-transport.js';

/** A client's half, as `engine.io-client` constructs it; its `name` stands on the prototype. */
export type ClientTransportClass = new (options: unknown) => EngineClientTransport;

/** A server's half, as `NodeEngine` constructs it over a stream that is open. */
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
 * Adds a transport to Socket.IO under `name`, for servers and clients that ask for it by that name in their
 * `transports` option. Other servers and clients, and the tables of Engine.IO, stay as they are.
 *
 * @throws N2NError `INVALID_OPTIONS` when the name is empty or taken, or a half is missing
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

/** The client's half of the transport of this name. @throws N2NError `INVALID_OPTIONS` when there is none */
export function clientTransport(name: string): ClientTransportClass {
  const definition = added.get(name);
  if (definition !== undefined) return definition.client;
  if (isBuiltIn(name)) return (clientBuiltIns as unknown as Record<string, ClientTransportClass>)[name];
  throw unknownTransport(name);
}

/** The server's half of an added transport; undefined for Engine.IO's own and for unknown names. */
export function serverTransport(name: string): ServerTransportClass | undefined {
  return added.get(name)?.server;
}

/** The transports of both sides, in the order in which a client tries them. */
export const DEFAULT_TRANSPORTS: readonly string[] = [NODE_TRANSPORT, 'websocket'];

/** @returns a copy of them @throws N2NError `INVALID_OPTIONS` naming the option and what is allowed */
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
