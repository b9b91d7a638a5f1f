import { N2NError } from '../../n2n-error.js';
import type { Hello } from '../../protocol/frames/hello.js';
import { receiveHello, sayHello } from '../../session/handshake.js';
import type { Link } from '../../session/link.js';
import type { ResolvedN2NClientOptions } from '../n2n-client-options.js';

/**
 * Sends HELLO over a new link, and waits for the HELLO of the server.
 *
 * @param resume the session to resume, if there is one
 * @throws N2NError as `receiveHello`; `CONNECT_FAILED` if the connection ends before HELLO
 */
export async function exchangeHello(
  link: Link,
  url: string,
  resume: Hello['resume'],
  { maxPayload, codec, resumeWindow, connection, clock }: ResolvedN2NClientOptions,
  signal: AbortSignal,
): Promise<Hello> {
  sayHello(link, { maxPayload, codec: codec.name, window: resumeWindow, resume });
  try {
    return await receiveHello(link, { codec: codec.name, timeout: connection.connectTimeout, clock }, signal);
  } catch (error) {
    if (!(error instanceof N2NError) || error.code !== 'CONNECTION_LOST') throw error;
    const message = `Cannot connect to ${url}: the connection ended before HELLO. ${error.message}`;
    throw new N2NError('CONNECT_FAILED', message, { cause: error });
  }
}
