/**
 * JSON with the integers of 64 bits that a double does not hold. A reviver could do it, were it not called for each value:
 * that takes thirty times as long as the parsing, and one long integer in a body would have it done for all of them.
 */
import { randomBytes } from 'node:crypto';
import { replaceOutsideStrings } from './outside-strings.ts';

/** Begins the string that stands for an integer. Not to be guessed, so no string of a caller passes for one. */
const MARK = `\0${randomBytes(9).toString('base64url')}`;
const WRITTEN_MARK = JSON.stringify(MARK).slice(0, -1);

/**
 * Values only, no keys: what follows tells. Longer ones than 64 bits hold stay numbers, and are refused as such: `BigInt`
 * takes the square of their length.
 */
const LONG_INTEGERS = /(?<=^|[[,:\s])-?[1-9]\d{15,19}(?=\s*(?:[,\]}]|$))/g;

/** As `JSON.parse`, but that integers beyond 2^53 are `bigint`. @throws SyntaxError of the text as it is */
export function parseExact(text: string): unknown {
  const marked = replaceOutsideStrings(text, LONG_INTEGERS, (digits) => `${WRITTEN_MARK}${digits}"`);
  if (marked === undefined) return JSON.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(marked);
  } catch {
    return JSON.parse(text);
  }
  const root = [value];
  unmark(root);
  return root[0];
}

/** Puts integers in the places of marked strings. Nothing recurses: nesting may be deep. */
function unmark(root: unknown[]): void {
  const rest: object[] = [root];
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (Array.isArray(node)) {
      for (let i = 0; i < node.length; i++) {
        const value: unknown = node[i];
        if (typeof value === 'string') node[i] = meant(value);
        else if (typeof value === 'object' && value !== null) rest.push(value);
      }
      continue;
    }
    const fields = node as Record<string, unknown>;
    for (const key in fields) {
      const value = fields[key];
      if (typeof value === 'string') fields[key] = meant(value);
      else if (typeof value === 'object' && value !== null) rest.push(value);
    }
  }
}

function meant(text: string): unknown {
  if (!text.startsWith(MARK)) return text;
  const digits = text.slice(MARK.length);
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
}
