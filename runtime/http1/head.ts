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

/** What of a head comes again in the next ones: all but the number of its length. */
interface Repeated {
  before: Buffer;
  after: Buffer;
  headers: IncomingHttpHeaders;
}

/** Heads up to this length are remembered, one a connection. */
const MOST_REMEMBERED_BYTES = 2_048;
/** How many in a row are remembered in vain: some clients write something new in each. */
const MOST_IN_VAIN = 8;
/** Longer heads are left to Node's parser, whose limit is 16 KiB. */
const MOST_HEAD_BYTES = 8_192;
const MOST_FIELDS = 200;
const END = Buffer.from('\r\n\r\n');
/** Fields of one line, visible ASCII; no name that means something to an object. */
const FIELDS = /^(?:[A-Za-z0-9-]+:[\t\x20-\x7e]*\r\n)*$/;
const MOST_DIGITS = 10;
const LENGTH = new RegExp(`^[0-9]{1,${MOST_DIGITS}}$`);
/** Up to the digits of the length: the first line of this name, which is the only one. */
const LENGTH_LINE = /^(?:.*\r\n)*?content-length:[\t ]*/i;
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

/** Reads the heads of one connection, most of which are the one before again. */
export class HeadReader {
  readonly #requestLine: Buffer;
  #last: Repeated | undefined;
  #inVain = 0;

  /** @param requestLine with its end of line */
  constructor(requestLine: Buffer) {
    this.#requestLine = requestLine;
  }

  /**
   * @param bytes what has arrived, from the begin of a request on
   * @returns undefined for what does not begin with a whole, plain head of a request of this line
   */
  read(bytes: Buffer): Head | undefined {
    const again = this.#last && readAgain(bytes, this.#last);
    if (again === undefined) return this.#readAnew(bytes);
    this.#inVain = 0;
    return again;
  }

  #readAnew(bytes: Buffer): Head | undefined {
    const fieldsAt = this.#requestLine.length;
    if (!has(bytes, 0, this.#requestLine)) return undefined;
    // One end of line before: there may be no fields at all.
    const end = bytes.indexOf(END, fieldsAt - 2);
    if (end === -1 || end > MOST_HEAD_BYTES) return undefined;
    const fields = bytes.toString('latin1', fieldsAt, end + 2);
    const headers = readFields(fields);
    const length = headers?.['content-length'];
    if (headers === undefined || length === undefined || !LENGTH.test(length) || !isPlain(headers)) return undefined;
    const bodyAt = end + END.length;
    if (bodyAt <= MOST_REMEMBERED_BYTES && this.#inVain++ < MOST_IN_VAIN) {
      const lengthAt = fieldsAt + (LENGTH_LINE.exec(fields) as RegExpExecArray)[0].length;
      const before = copyOf(bytes.subarray(0, lengthAt));
      const after = copyOf(bytes.subarray(lengthAt + length.length, bodyAt));
      this.#last = { before, after, headers: { ...headers } };
    }
    return { headers, bodyLength: Number(length), bodyAt };
  }
}

/** Undefined for a head that differs by more than the number of its length from the one remembered. */
function readAgain(bytes: Buffer, { before, after, headers }: Repeated): Head | undefined {
  if (!has(bytes, 0, before)) return undefined;
  const most = before.length + MOST_DIGITS;
  let at = before.length;
  while (at < most && isDigit(bytes[at])) at++;
  if (at === before.length || !has(bytes, at, after)) return undefined;
  const length = bytes.toString('latin1', before.length, at);
  return {
    headers: { ...headers, 'content-length': length },
    bodyLength: Number(length),
    bodyAt: at + after.length,
  };
}

/** Not in the pool that Node shares among small buffers: an idle connection would keep all of it. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

function has(bytes: Buffer, at: number, part: Buffer): boolean {
  const end = at + part.length;
  return bytes.length >= end && bytes.compare(part, 0, part.length, at, end) === 0;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 48 && code <= 57;
}

function readFields(fields: string): IncomingHttpHeaders | undefined {
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
  return headers;
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
