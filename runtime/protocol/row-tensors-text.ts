/**
 * JSON as TensorFlow Serving reads it: with the bare words NaN and Infinity, and text as base64. Pure.
 * @see https://www.tensorflow.org/tfx/serving/api_rest#json_conformance
 */
import { isUtf8 } from 'node:buffer';
import { parseJson } from './json-text.ts';
import { replaceOutsideStrings } from './outside-strings.ts';

/** Begins the string that stands for a bare word. No input takes a string with U+0000, so it can't pass for text. */
const MARK = '\0';
const BARE_WORDS = /-?\b(?:NaN|Inf(?:inity)?)\b/g;
const WORDS: Record<string, string> = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' };

/**
 * Parses a request's body. A bare word becomes what `bareWord` tells from a string.
 * @param exactIntegers see `parseJson`
 * @throws RequestError MALFORMED_JSON
 */
export function parseLooseJson(body: Buffer, exactIntegers: boolean): unknown {
  try {
    return parseJson(body, exactIntegers);
  } catch (error) {
    const mended = isUtf8(body) && quoteWords(body.toString('utf8'));
    if (!mended) throw error;
    return parseJson(Buffer.from(mended), exactIntegers);
  }
}

/** Puts bare words in quotes, outside of strings. @returns undefined when there is none */
function quoteWords(text: string): string | undefined {
  return replaceOutsideStrings(text, BARE_WORDS, (word) => {
    const short = word.endsWith('NaN') ? 'nan' : word.startsWith('-') ? '-inf' : 'inf';
    return `"\\u0000${short}"`;
  });
}

/** The word that a bare one stands for, such as `NaN`; undefined for any other value. */
export function bareWord(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith(MARK) ? WORDS[value.slice(MARK.length)] : undefined;
}

/** `{"b64": "…"}`, which stands for a string, whatever the string. */
export function isBase64(value: unknown): value is { b64: string } {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'b64')) return false;
  return typeof (value as { b64: unknown }).b64 === 'string' && Object.keys(value).length === 1;
}

/** What `{"b64": "…"}` holds; undefined for any other value, and for bytes that are no UTF-8: the model is given text. */
export function base64Text(value: unknown): string | undefined {
  if (!isBase64(value) || !/^[A-Za-z0-9+/]*={0,2}$/.test(value.b64)) return undefined;
  const bytes = Buffer.from(value.b64, 'base64');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
