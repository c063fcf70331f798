/** What a caller's `accept-encoding` wishes for (RFC 9110, 12.5.3). Pure. */

export type Coding = 'gzip' | 'deflate';

export interface Wish {
  coding: Coding;
  /** `must`: nothing else is taken; `asked`: it is the one coding named; `offered`: one of several that would do. */
  urgency: 'must' | 'asked' | 'offered';
}

const KNOWN = new Map<string, Wish | undefined>();
/** Clients send a handful of values over and over; what hostile ones make up is not kept. */
const MOST_KNOWN = 64;
const LONGEST_KNOWN = 100;

/** @returns undefined when the answer should go as it is */
export function wishOf(accepts: string): Wish | undefined {
  const known = KNOWN.get(accepts);
  if (known !== undefined || KNOWN.has(accepts)) return known;
  const wish = readWish(accepts);
  if (KNOWN.size < MOST_KNOWN && accepts.length <= LONGEST_KNOWN) KNOWN.set(accepts, wish);
  return wish;
}

function readWish(accepts: string): Wish | undefined {
  const weights = new Map<string, number>();
  for (const part of accepts.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, weightOf(parameters));
  }
  const rest = weights.get('*');
  const gzip = weights.get('gzip') ?? rest ?? 0;
  const deflate = weights.get('deflate') ?? rest ?? 0;
  const best = Math.max(gzip, deflate);
  const identity = weights.get('identity') ?? (rest === 0 ? 0 : undefined);
  if (best === 0 || (identity !== undefined && identity > best)) return undefined;
  const coding = gzip >= deflate ? 'gzip' : 'deflate';
  if (identity === 0) return { coding, urgency: 'must' };
  const named = [...weights].filter(([name, weight]) => name !== 'identity' && weight > 0);
  return { coding, urgency: named.length === 1 && named[0]?.[0] === coding ? 'asked' : 'offered' };
}

/** @returns 0 to 1; 0 for what is no weight, so that a doubtful coding is not used */
function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((text) => text.startsWith('q='));
  if (given === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given.slice(2)) ? Number(given.slice(2)) : 0;
}
