import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../runtime/answer.ts';
import { compress, inflate, understands } from '../../../runtime/compression.ts';

const MOST = 2 ** 20;
const SMALL = Buffer.from('{"inputs":[]}');
const LARGE = Buffer.from(Array.from({ length: 40_000 }, (_, i) => Math.sin(i)).join(','));

describe('inflate', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['identity', (body: Buffer) => body],
  ])('%s', async (encoding, pack) => {
    expect(understands(encoding)).toBe(true);
    for (const body of [SMALL, LARGE, Buffer.alloc(0), Buffer.alloc(MOST)]) {
      expect((await inflate(pack(body), encoding, MOST)).equals(body)).toBe(true);
    }
  });

  const gzipped = gzipSync(LARGE);
  test.each([
    ['nothing', Buffer.alloc(0), 'gzip'],
    ['what was not compressed', SMALL, 'gzip'],
    ['what was not compressed', Buffer.from('hello, hello'), 'deflate'],
    ['what is cut off', gzipped.subarray(0, -1), 'gzip'],
    ['what is cut off early', gzipSync(SMALL).subarray(0, 9), 'gzip'],
    ['what was changed', Buffer.from(gzipped).fill(0, 5000, 5010), 'gzip'],
    ['a wrong checksum', Buffer.concat([gzipped.subarray(0, -8), Buffer.alloc(8)]), 'gzip'],
    ['gzip under the name of deflate', gzipped, 'deflate'],
  ])('%s is refused', async (_why, body, encoding) => {
    await expect(inflate(body, encoding, MOST)).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining(encoding),
    });
  });

  test.each(['br', 'gzip, deflate', 'gzip, gzip', 'zstd', ''])('%j is not understood', async (encoding) => {
    expect(understands(encoding)).toBe(false);
    await expect(inflate(SMALL, encoding, MOST)).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  test.each([
    ['a limit below what is inflated at once', 1000],
    ['one above', MOST - 1],
  ])('more than %s', async (_why, most) => {
    for (const pack of [gzipSync, deflateSync, deflateRawSync]) {
      const encoding = pack === gzipSync ? 'gzip' : 'deflate';
      await expect(inflate(pack(Buffer.alloc(most + 1)), encoding, most)).rejects.toMatchObject({
        code: 'BODY_TOO_LARGE',
        message: expect.stringContaining(String(most)),
      });
    }
  });

  test('many at a time, bad ones among them', async () => {
    const bodies = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? gzipped.subarray(0, -1) : gzipped));
    const results = await Promise.allSettled(bodies.map((body) => inflate(body, 'gzip', MOST)));
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual(bodies.map((_, i) => i % 3 !== 0));
    expect((await inflate(gzipped, 'gzip', MOST)).equals(LARGE)).toBe(true);
  });
});

describe('compress', () => {
  const answer = (body: Answer['body'], type = 'application/json'): Answer => ({
    status: 200,
    headers: { 'content-type': type },
    body,
  });
  const json = LARGE.toString();
  const middle = json.slice(0, 2000);

  test.each([
    ['a long text for one of several', json, 'gzip, deflate', 'gzip'],
    ['a middling text for one of several', middle, 'gzip, deflate', undefined],
    ['a middling text where it is asked for', middle, 'gzip', 'gzip'],
    ['deflate where it is asked for', middle, 'deflate', 'deflate'],
    ['a short text where it is asked for', '{"a":1}', 'gzip', undefined],
    ['a short text where nothing else is taken', '{"a":1}', 'gzip, identity;q=0', 'gzip'],
    ['a long text where it is refused', json, 'br, gzip;q=0', undefined],
  ])('%s', async (_why, body, accepts, encoding) => {
    for (const given of [answer(body), answer(Buffer.from(body))]) {
      const compressed = await compress(given, accepts);
      expect(compressed.headers['content-encoding']).toBe(encoding);
      if (encoding === undefined) expect(compressed).toBe(given);
      else {
        expect(compressed.headers).toMatchObject({ vary: 'accept-encoding', 'content-type': 'application/json' });
        const unpack = encoding === 'gzip' ? gunzipSync : inflateSync;
        expect(unpack(compressed.body as Buffer).toString()).toBe(body);
      }
    }
  });

  test('numbers in binary only where it is asked for', async () => {
    const given = answer(Buffer.alloc(100_000), 'application/octet-stream');
    expect(await compress(given, 'gzip, deflate')).toBe(given);
    expect((await compress(given, 'gzip')).headers['content-encoding']).toBe('gzip');
  });

  test('what would not become smaller stays', async () => {
    const given = answer(Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7919) % 256)));
    expect(await compress(given, 'gzip')).toBe(given);
  });

  test('what is compressed already stays', async () => {
    const given = { ...answer(json), headers: { 'content-encoding': 'gzip' } };
    expect(await compress(given, 'gzip')).toBe(given);
  });
});
