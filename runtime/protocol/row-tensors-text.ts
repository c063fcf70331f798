/**
 * JSON as TensorFlow Serving reads it: with the bare words NaN and Infinity, and text as base64. Pure.
 * @see https://www.tensorflow.org/tfx/serving/api_rest#json_conformance
 */
import { isUtf8 } from 'node:buffer';
import { parseJson } from './json-text.ts';

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
  const words = new RegExp(BARE_WORDS);
  const parts: string[] = [];
  let copied = 0;
  // The next string: looked for again only once it is passed.
  let quote = text.indexOf('"');
  for (let word = words.exec(text); word; word = words.exec(text)) {
    let end = 0;
    while (quote >= 0 && quote < word.index) {
      end = endOfString(text, quote);
      quote = text.indexOf('"', end);
    }
    if (end > word.index) {
      words.lastIndex = end;
      continue;
    }
    const short = word[0].endsWith('NaN') ? 'nan' : word[0].startsWith('-') ? '-inf' : 'inf';
    parts.push(text.slice(copied, word.index), `"\\u0000${short}"`);
    copied = words.lastIndex;
  }
  return copied > 0 ? parts.join('') + text.slice(copied) : undefined;
}

/** @returns the index after the closing quote of the string that opens at `quote` */
function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; ; at++) {
    const close = text.indexOf('"', at);
    if (close < 0) return text.length;
    let escapes = 0;
    while (text[close - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return close + 1;
    at = close;
  }
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
