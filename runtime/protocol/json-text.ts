/** Bytes of a request → JSON value, with a message that helps when they are no JSON. Pure. */
import { isUtf8 } from 'node:buffer';
import { RequestError } from '../errors.ts';
import { parseExact } from './exact-json.ts';

/** 16 digits or more that no point precedes: an integer which a double may round. */
const LONG_INTEGER = /(?:^|[^.\d])\d{16}/;
const BARE_NUMBER_WORD = /(?:^|[[,:\s])[-+]?(?:NaN|Infinity|Inf|nan|inf)\b/;

/**
 * Parses a request's body.
 * @param exactIntegers integers beyond 2^53 become `bigint` instead of being rounded; costs time only if there are some
 * @throws RequestError MALFORMED_JSON
 */
export function parseJson(body: Buffer, exactIntegers: boolean): unknown {
  if (body.length === 0) throw new RequestError('MALFORMED_JSON', 'the body is empty; it must be a JSON object');
  if (!isUtf8(body)) throw new RequestError('MALFORMED_JSON', 'the body is not UTF-8; JSON must be');
  const text = body.toString('utf8');
  try {
    return exactIntegers && hasLongRun(body) && LONG_INTEGER.test(text) ? parseExact(text) : JSON.parse(text);
  } catch (error) {
    throw malformed(text, error as Error);
  }
}

const RUN = 16;

/**
 * Whether 16 digits stand in a row. Looks at every 16th byte only, one of which such a run must cover: the pattern
 * that judges what was found takes longer than all else over a body of short integers.
 */
function hasLongRun(body: Buffer): boolean {
  for (let at = RUN - 1; at < body.length; at += RUN) {
    if (!isDigit(body[at])) continue;
    let start = at;
    while (start > 0 && isDigit(body[start - 1])) start--;
    let end = at + 1;
    while (end - start < RUN && isDigit(body[end])) end++;
    if (end - start >= RUN) return true;
  }
  return false;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function malformed(text: string, error: Error): RequestError {
  if (error instanceof RangeError) {
    return new RequestError('MALFORMED_JSON', 'the body is nested too deep');
  }
  const hint = BARE_NUMBER_WORD.test(text)
    ? '; JSON has no NaN or infinity: write the strings "NaN", "Infinity", "-Infinity"'
    : '';
  return new RequestError('MALFORMED_JSON', `the body is not JSON: ${error.message.slice(0, 200)}${hint}`);
}
