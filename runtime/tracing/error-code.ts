/** The code of an answer that is an error, own or forwarded. Its message may hold what a user sent, and is not for a trace. */
import type { Answer } from '../answer.ts';

/** Of the body that is looked at, bytes. */
const MOST_BYTES = 10_000;

export function codeOf({ body }: Pick<Answer, 'body'>): string | undefined {
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) return undefined;
  const text = typeof body === 'string' ? body.slice(0, MOST_BYTES) : body.toString('latin1', 0, MOST_BYTES);
  return /"code":"([A-Z_]{1,40})"/.exec(text)?.[1];
}
