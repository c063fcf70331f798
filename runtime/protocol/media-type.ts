/** What a body says it is. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { RequestError } from '../errors.ts';

/** curl's default type is let in too: what the body is, its text shows. */
const JSON_TYPES = /^(?:application\/(?:[\w.-]+\+)?json|text\/plain|application\/x-www-form-urlencoded)\s*(?:;|$)/i;

/** @param or what else could be sent, for the message. @throws RequestError UNSUPPORTED_MEDIA_TYPE */
export function requireJson({ 'content-type': type }: IncomingHttpHeaders, or = ''): void {
  if (type === undefined || type === '' || type === 'application/json' || JSON_TYPES.test(type)) return;
  const message = `the content type ${type.slice(0, 80)} is not understood; send application/json${or}`;
  throw new RequestError('UNSUPPORTED_MEDIA_TYPE', message);
}
