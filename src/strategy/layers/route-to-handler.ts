import type { MessageHandler } from '@nestjs/microservices';
import { N2NError } from '../../n2n-error.js';
import { shownPattern } from '../../rpc/incoming/incoming-call.js';
import { N2NContext } from '../n2n-context.js';
import type { ReceivedCall, RoutedCall, ServingLayer } from './serving-layer.js';

/**
 * Finds the handler of a call. The call fails with `NO_HANDLER` if there is none.
 * @param find returns the handler of a pattern
 * @param onLost reports an event without a handler
 */
export function routeToHandler(
  find: (pattern: string) => MessageHandler | undefined,
  onLost: (message: string) => void,
): ServingLayer<ReceivedCall, RoutedCall> {
  return (next) => {
    return ({ call, content, connection }, responder) => {
      const handler = find(content.pattern);
      if (handler !== undefined) {
        const context = new N2NContext(call, connection, content);
        next({ call, content, handler, context }, responder);
        return;
      }
      const { kind } = call.content;
      const error = noHandler(kind === 'call' ? 'message' : 'event', content.pattern);
      if (kind === 'event') onLost(error.message);
      call.fail(error);
    };
  };
}

function noHandler(kind: 'message' | 'event', pattern: string): N2NError {
  return new N2NError(
    'NO_HANDLER',
    `There is no matching ${kind} handler defined in the remote service for "${shownPattern(pattern)}". ` +
      `Check the spelling, or that the handler's controller is in a module of that service.`,
    { details: { pattern: shownPattern(pattern) } },
  );
}
