import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { HELD_BYTES } from '../../runtime/traffic/exchange.ts';
import { FakeClock, type Rig, rigWith, tableOf, until, upstream } from './support.ts';

const ALL_TO_V2 = { v1: 0, v2: 10_000 };
const v2Of = (rig: Rig) => rig.book.of('v2');
const withLength = (response: ServerResponse, length: number) =>
  response.writeHead(200, { 'content-length': length, 'modelship-version': 'v2' });

describe('a large answer', () => {
  const LARGE = HELD_BYTES + 1_000_000;
  const chunk = Buffer.alloc(64 * 1024, 'x');

  const read = async (body: unknown) => {
    let size = 0;
    for await (const part of body as Readable) size += (part as Buffer).length;
    return size;
  };

  for (const known of [true, false]) {
    test(`is passed on as it comes, ${known ? 'of known length' : 'chunked'}`, async () => {
      const { port } = await upstream((_, response) => {
        if (known) withLength(response, LARGE);
        Readable.from(chunks(LARGE, chunk)).pipe(response);
      });
      const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
      const answer = await rig.send();
      expect(answer.body).toBeInstanceOf(Readable);
      expect(answer.headers['content-length']).toBe(known ? String(LARGE) : undefined);
      expect(await read(answer.body)).toBe(LARGE);
      expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 0 });
    });
  }

  test('that is a 5xx is shielded, its connection let go, and counted once', async () => {
    const server = await upstream((_, response) => {
      response.writeHead(500, { 'content-length': LARGE });
      Readable.from(chunks(LARGE, chunk))
        .pipe(response)
        .on('error', () => {});
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    expect((await rig.send()).body).toBe('own v1');
    await until(() => server.open === 0);
    expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 1, shielded: { error: 1 } });
  });

  test('up to the limit is held, whole', async () => {
    const { port } = await upstream((_, response) => Readable.from(chunks(HELD_BYTES, chunk)).pipe(response));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const { body } = await rig.send();
    expect(Buffer.isBuffer(body) && body.length).toBe(HELD_BYTES);
  });

  test('that is cut while it is passed on breaks for the user and is counted', async () => {
    const server = await upstream((_, response) => {
      withLength(response, LARGE);
      Readable.from(chunks(LARGE - 500_000, chunk))
        .on('end', () => response.destroy())
        .pipe(response, { end: false });
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    const answer = await rig.send();
    await expect(read(answer.body)).rejects.toThrow();
    expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 1 });
  });

  test('that is not read waits in the version, not here, and ends with its time', async () => {
    let written = 0;
    const server = await upstream((_, response) => {
      withLength(response, 1e9);
      const counted = function* () {
        for (const part of chunks(1e9, chunk)) {
          written += part.length;
          yield part;
        }
      };
      Readable.from(counted())
        .pipe(response)
        .on('error', () => {});
    });
    const clock = new FakeClock();
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }), { clock });
    const before = memory();
    const { body } = await rig.send({ deadline: clock.now() + 400 });
    // As much as the buffers between the two take.
    let seen = -1;
    await until(() => {
      const still = written === seen;
      seen = written;
      return still;
    });
    clock.advance(400);
    await until(() => server.cancelled === 1);
    expect((body as Readable).destroyed).toBe(true);
    expect(written).toBeLessThan(64e6);
    expect(memory() - before).toBeLessThan(200e6);
  });

  test('whose reader goes away is cancelled and is no failure', async () => {
    const server = await upstream((_, response) => {
      withLength(response, 1e9);
      Readable.from(chunks(1e9, chunk))
        .pipe(response)
        .on('error', () => {});
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    const { body } = await rig.send();
    (body as Readable).destroy();
    await until(() => server.cancelled === 1);
    expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 0 });
  });
});

function* chunks(total: number, chunk: Buffer): Generator<Buffer> {
  for (let left = total; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
}

function memory(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
