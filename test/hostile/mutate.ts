/** Bytes made wrong in the ways that parsers trip over. */
import type { Random } from '../runtime/random.ts';

const NUMBERS = ['0', '-1', '1e999', '4294967296', '9007199254740993', '-9223372036854775809', '1.5', '1e-400', 'NaN'];
const TOKENS = [
  '[',
  ']',
  '{',
  '}',
  '"',
  ',',
  ':',
  '\\u0000',
  '\\ud800',
  'null',
  'true',
  '[[[[',
  '\0',
  '\xff\xfe',
  '1'.repeat(400),
];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const splice = (bytes: Buffer, at: number, remove: number, add: Buffer) =>
  Buffer.concat([bytes.subarray(0, at), add, bytes.subarray(at + remove)]);

/** Replaces one run of digits. */
const number: Mutation = (bytes, random) => {
  const text = bytes.toString('latin1');
  const all = [...text.matchAll(/-?\d+(?:\.\d+)?/g)];
  if (all.length === 0) return bytes;
  const found = random.pick(all);
  return splice(bytes, found.index, found[0].length, Buffer.from(random.pick(NUMBERS)));
};

const MUTATIONS: Mutation[] = [
  number,
  number,
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = random.below(Math.max(1, copy.length));
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    copy[random.below(Math.max(1, copy.length))] = random.pick([0, 0x7f, 0x80, 0xff, 0x22, 0x5b]);
    return copy;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(bytes.length + 1)),
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 0, Buffer.from(random.pick(TOKENS), 'latin1')),
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), random.below(16), Buffer.alloc(0)),
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const piece = bytes.subarray(from, from + random.below(64));
    return splice(bytes, random.below(bytes.length + 1), 0, piece);
  },
  (bytes) => Buffer.concat([bytes, bytes]),
];

/** One to four mutations of a body. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  for (let left = 1 + random.below(4); left > 0; left--) mutated = random.pick(MUTATIONS)(mutated, random);
  return mutated;
}

const HEADER_VALUES = [
  '',
  '0',
  '-1',
  '999999999999999999999',
  'gzip',
  'gzip, gzip',
  'br',
  'v9',
  'chunked',
  '\t',
  'a'.repeat(5_000),
];
const HEADER_NAMES = [
  'content-length',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'inference-header-content-length',
  'modelship-version',
  'modelship-timeout-ms',
  'modelship-forwarded',
  'transfer-encoding',
  'expect',
  'accept',
];

/** Headers with one of them made wrong. Those that frame the body are left to the raw requests. */
export function mutateHeaders(headers: Record<string, string>, random: Random): Record<string, string> {
  const name = random.pick(HEADER_NAMES.filter((each) => !FRAMING.has(each)));
  return { ...headers, [name]: random.pick(HEADER_VALUES) };
}

const FRAMING = new Set(['content-length', 'transfer-encoding', 'expect']);

/** The bytes of an HTTP/1.1 request with anything in it made wrong, its framing too. */
export function rawRequest(
  seed: { path: string; headers: Record<string, string>; body: Buffer },
  random: Random,
): Buffer {
  const headers: Record<string, string> = { host: 'x', ...seed.headers, 'content-length': `${seed.body.length}` };
  if (random.below(2) === 0) headers[random.pick(HEADER_NAMES)] = random.pick(HEADER_VALUES);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`POST ${seed.path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  const whole = Buffer.concat([head, seed.body]);
  return random.below(2) === 0 ? mutate(whole, random) : whole;
}
