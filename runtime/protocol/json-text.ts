/** Bytes of a request → JSON value, with a message that helps when they are no JSON. Pure. */
import { isUtf8 } from 'node:buffer';
import { RequestError } from '../errors.ts';

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
    return exactIntegers && LONG_INTEGER.test(text) ? parseExact(text) : JSON.parse(text);
  } catch (error) {
    throw malformed(text, error as Error);
  }
}

/** The reviver's third argument, not in TypeScript's library yet. */
type SourceReviver = (key: string, value: unknown, context: { source?: string }) => unknown;

function parseExact(text: string): unknown {
  const reviver: SourceReviver = (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
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
