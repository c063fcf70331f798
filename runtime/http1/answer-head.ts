/** Writes the head of an HTTP/1.1 answer, with the fields that Node's server writes. */
import type { Answer } from '../answer.ts';
import { STATUS_CODES } from './node-http.ts';

export interface Framing {
  /** Bytes of the body; undefined: it comes in chunks (RFC 9112, 7.1), or has a length that the answer's headers say. */
  length: number | undefined;
  /** Seconds that an idle connection stays open; undefined: it closes after this answer. */
  keepAliveSeconds: number | undefined;
  /** Ms since 1970. */
  now: number;
}

/** What would end a field, or a head: no value has it. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;
/** The framing of the answer is this module's to say. */
const OF_THE_FRAMING = new Set(['connection', 'keep-alive', 'date', 'transfer-encoding']);

/** @throws Error for a header that cannot be sent */
export function answerHead({ status, headers }: Pick<Answer, 'status' | 'headers'>, framing: Framing): string {
  const { length, keepAliveSeconds, now } = framing;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
  let hasLength = false;
  for (const name in headers) {
    const value = headers[name] as string;
    if (OF_THE_FRAMING.has(name)) continue;
    if (name === 'content-length') {
      if (length !== undefined) continue;
      hasLength = true;
    }
    if (FORBIDDEN.test(value))
      throw new Error(`the header ${name} of an answer has characters that no header may have`);
    head += `${name}: ${value}\r\n`;
  }
  head += `date: ${dateOf(now)}\r\n`;
  if (length !== undefined) head += `content-length: ${length}\r\n`;
  else if (!hasLength) head += 'transfer-encoding: chunked\r\n';
  return keepAliveSeconds === undefined
    ? `${head}connection: close\r\n\r\n`
    : `${head}connection: keep-alive\r\nkeep-alive: timeout=${keepAliveSeconds}\r\n\r\n`;
}

let second = 0;
let date = '';

/** Made once a second. */
function dateOf(now: number): string {
  const current = Math.floor(now / 1_000);
  if (current !== second) {
    second = current;
    date = new Date(current * 1_000).toUTCString();
  }
  return date;
}
