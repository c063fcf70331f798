import type { IncomingHttpHeaders } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readBody } from '../../../runtime/http1/body.ts';
import { LENGTH } from './oip.ts';

function request(headers: IncomingHttpHeaders) {
  const stream = Object.assign(new PassThrough(), { headers });
  const body = new Promise<Buffer | undefined>((resolve, reject) => {
    readBody(stream as never, 10_000, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  return { stream, body };
}

describe('a body', () => {
  test.each([10, 5_000])('of %d bytes after a JSON head has its first tensor where eight bytes begin', async (size) => {
    for (let head = 0; head <= 8; head++) {
      const sent = Buffer.from(Array.from({ length: head + size }, (_, i) => i % 251));
      const { stream, body } = request({ [LENGTH]: String(head) });
      stream.write(sent.subarray(0, 3));
      stream.end(sent.subarray(3));
      const got = (await body) as Buffer;
      expect(got.equals(sent)).toBe(true);
      expect((got.byteOffset + head) % 8).toBe(0);
    }
  });

  test.each([undefined, 'x', '-1', '99', '3'])('whose JSON is said to have %j bytes comes whole', async (length) => {
    const { stream, body } = request(length === undefined ? {} : { [LENGTH]: length });
    stream.end('abc');
    expect(String(await body)).toBe('abc');
  });

  test('that is announced as too large is refused before it comes', async () => {
    const { body } = request({ 'content-length': '10001' });
    await expect(body).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', message: expect.stringContaining('10000') });
  });

  test('that is too large is refused before it is whole, and read no further', async () => {
    const { stream, body } = request({});
    stream.write(Buffer.alloc(6_000));
    stream.write(Buffer.alloc(6_000));
    await expect(body).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
    expect(stream.listenerCount('data')).toBe(0);
  });

  test('whose connection breaks is the caller’s matter', async () => {
    const { stream, body } = request({});
    stream.write('abc');
    stream.destroy(new Error('aborted'));
    await expect(body).rejects.toMatchObject({ statusCode: 400, message: 'aborted' });
  });
});
