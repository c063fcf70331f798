/** gzip and deflate of bodies, both ways. */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Answer } from './answer.ts';
import { RequestError } from './errors.ts';
import { type Coding, wishOf } from './protocol/accept-encoding.ts';

type Sync = (body: Buffer | string, options: zlib.ZlibOptions) => Buffer;
type Async = (body: Buffer | string, options: zlib.ZlibOptions) => Promise<Buffer>;

interface Steps {
  now: Sync;
  aside: Async;
}

const GUNZIP: Steps = {
  now: zlib.gunzipSync,
  aside: promisify<Buffer | string, zlib.ZlibOptions, Buffer>(zlib.gunzip),
};
const INFLATE: Steps = {
  now: zlib.inflateSync,
  aside: promisify<Buffer | string, zlib.ZlibOptions, Buffer>(zlib.inflate),
};
const INFLATE_RAW: Steps = {
  now: zlib.inflateRawSync,
  aside: promisify<Buffer | string, zlib.ZlibOptions, Buffer>(zlib.inflateRaw),
};
const COMPRESS: Record<Coding, Steps> = {
  gzip: { now: zlib.gzipSync, aside: promisify<Buffer | string, zlib.ZlibOptions, Buffer>(zlib.gzip) },
  deflate: { now: zlib.deflateSync, aside: promisify<Buffer | string, zlib.ZlibOptions, Buffer>(zlib.deflate) },
};

/** Whether bodies of this `content-encoding` can be read. */
export function understands(encoding: string): boolean {
  return encoding === 'gzip' || /^(?:identity|x-gzip|gzip|deflate)$/i.test(encoding);
}

/** A hop to zlib's threads costs 80 µs: what takes less is done at once. Bytes in, and the most that may come out. */
const SMALL = { given: 4096, inflated: 65_536 };
/** Threads that zlib's work is given, so more would only hold more memory: each may hold a whole inflated body. */
const AT_ONCE = 4;

let inflating = 0;
const waiting: (() => void)[] = [];

/**
 * A body as it was before it was compressed.
 * @param most bytes that it may inflate to; no more is held
 * @throws RequestError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_REQUEST
 */
export async function inflate(body: Buffer, encoding: string, most: number): Promise<Buffer> {
  const steps = stepsOf(body, encoding.toLowerCase());
  if (steps === undefined) return body;
  try {
    if (body.length > SMALL.given) return await aside(steps, body, most);
    try {
      return steps.now(body, { maxOutputLength: Math.min(SMALL.inflated, most) });
    } catch (error) {
      if (!isTooLarge(error) || most <= SMALL.inflated) throw error;
      return await aside(steps, body, most);
    }
  } catch (error) {
    if (!isTooLarge(error)) throw corrupt(encoding, error as Error);
    const message = `the body inflates to more than ${most} bytes, the limit here (serving.limits.body)`;
    throw new RequestError('BODY_TOO_LARGE', message);
  }
}

/** In zlib's threads, a few bodies at a time: while they wait, requests hold their compressed bytes only. */
async function aside({ aside: run }: Steps, body: Buffer, most: number): Promise<Buffer> {
  if (inflating >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else inflating++;
  try {
    return await run(body, { maxOutputLength: most, chunkSize: SMALL.inflated });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else inflating--;
  }
}

function stepsOf(body: Buffer, encoding: string): Steps | undefined {
  switch (encoding) {
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return GUNZIP;
    case 'deflate':
      return hasZlibHeader(body) ? INFLATE : INFLATE_RAW;
    default: {
      const message = `the content encoding ${encoding.slice(0, 40)} is not understood; send gzip, deflate or no encoding`;
      throw new RequestError('UNSUPPORTED_MEDIA_TYPE', message);
    }
  }
}

/** By HTTP, deflate has zlib's header (RFC 1950); some clients send the bare stream (RFC 1951). */
function hasZlibHeader(body: Buffer): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

function isTooLarge(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}

function corrupt(encoding: string, error: Error): RequestError {
  if (error instanceof RequestError) return error;
  const message = `the body is not whole or not ${encoding.slice(0, 40)}, as its content-encoding says: ${error.message}`;
  return new RequestError('INVALID_REQUEST', message);
}

/** From this size on, answers are compressed for those who ask for it, and for nothing else. */
const ASKED = 256;
/**
 * From this size on, JSON is compressed for those who would take it among others: Python's and curl's clients say so
 * in every request. 20 kB of floats cost 126 µs and leave half; numbers in binary leave nine tenths, so they stay.
 */
const OFFERED = 16_384;
/** Above, zlib's threads do it. */
const SYNC_UP_TO = 32_768;

/**
 * The answer, compressed if the caller takes that and it is worth it.
 * @param accepts `accept-encoding`
 */
export function compress(answer: Answer, accepts: string): Answer | Promise<Answer> {
  const { body, headers } = answer;
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) return answer;
  const wish = wishOf(accepts);
  if (wish === undefined || headers['content-encoding'] !== undefined) return answer;
  const { coding, urgency } = wish;
  const least = urgency === 'must' ? 1 : urgency === 'asked' ? ASKED : OFFERED;
  if (body.length < least) return answer;
  if (urgency === 'offered' && headers['content-type'] === 'application/octet-stream') return answer;
  const options = { level: zlib.constants.Z_BEST_SPEED };
  const { now, aside: later } = COMPRESS[coding];
  const sized = (compressed: Buffer): Answer =>
    urgency !== 'must' && compressed.length >= body.length
      ? answer
      : { ...answer, headers: { ...headers, 'content-encoding': coding, vary: 'accept-encoding' }, body: compressed };
  return body.length <= SYNC_UP_TO ? sized(now(body, options)) : later(body, options).then(sized);
}
