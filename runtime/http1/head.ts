/**
 * Reads the head of a plain HTTP/1.1 request. Pure, and stricter than RFC 9112 asks: whatever it takes, Node's parser
 * takes and understands in the same way (test/runtime/http1/differential.test.ts), and whatever is odd is left to that.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface Head {
  /** Lower-case names, as `IncomingMessage.headers` has them. */
  headers: IncomingHttpHeaders;
  /** Bytes of the body. */
  bodyLength: number;
  /** Index of its first byte. */
  bodyAt: number;
}

/** Longer heads are left to Node's parser, whose limit is 16 KiB. */
const MOST_HEAD_BYTES = 8_192;
const MOST_FIELDS = 200;
const END = Buffer.from('\r\n\r\n');
/** Fields of one line, visible ASCII; no name that means something to an object. */
const FIELDS = /^(?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)*$/;
const LENGTH = /^[0-9]{1,10}$/;
/** What asks for more than a request and its answer. */
const ODD = [
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
  'http2-settings',
  // The one that is a list even when it comes once.
  'set-cookie',
];

/**
 * @param bytes what has arrived, from the begin of a request on @param requestLine with its end of line
 * @returns undefined for what does not begin with a whole, plain head of a request of this line
 */
export function readHead(bytes: Buffer, requestLine: Buffer): Head | undefined {
  const fieldsAt = requestLine.length;
  if (bytes.length < fieldsAt || bytes.compare(requestLine, 0, fieldsAt, 0, fieldsAt) !== 0) return undefined;
  // One end of line before: there may be no fields at all.
  const end = bytes.indexOf(END, fieldsAt - 2);
  if (end === -1 || end > MOST_HEAD_BYTES) return undefined;
  const fields = bytes.toString('latin1', fieldsAt, end + 2);
  if (!FIELDS.test(fields)) return undefined;
  const headers: IncomingHttpHeaders = {};
  let left = MOST_FIELDS;
  for (let from = 0; from < fields.length; ) {
    if (left-- === 0) return undefined;
    const to = fields.indexOf('\r\n', from);
    const colon = fields.indexOf(':', from);
    const name = fields.slice(from, colon).toLowerCase();
    // How repeated fields are joined depends on their name.
    if (headers[name] !== undefined) return undefined;
    headers[name] = trimmed(fields, colon + 1, to);
    from = to + 2;
  }
  const length = headers['content-length'];
  if (length === undefined || !LENGTH.test(length) || !isPlain(headers)) return undefined;
  return { headers, bodyLength: Number(length), bodyAt: end + 4 };
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const { connection } = headers;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return false;
  for (const name of ODD) if (headers[name] !== undefined) return false;
  return true;
}

const TAB = 9;
const SPACE = 32;

function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
