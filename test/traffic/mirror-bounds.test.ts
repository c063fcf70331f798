/** What a mirror may take, and that whatever becomes of its copies no user's request waits or fails. */
import { describe, expect, test } from 'vitest';
import { realClock } from '../../runtime/clock.ts';
import type { Tensor } from '../../runtime/protocol/datatypes.ts';
import { writeBinaryResponse } from '../../runtime/protocol/json-response.ts';
import type { Signature } from '../../runtime/protocol/signature.ts';
import { infer, mirroredTable, pair, settled, X } from './mirror-support.ts';
import { deadPort, FakeClock, type Rig, rigWith, seeded, type Upstream, until, upstream } from './support.ts';

const SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
};
const tensor = (name: string, size: number): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [size],
  data: new Float32Array(size),
});

/** As if a user had just been answered. */
const answered = ({ traffic }: Rig, size = 4) => {
  if (traffic.mirror.on) traffic.mirror.answered([tensor('x', size)], [tensor('y', size)], SIGNATURE, {});
};

/** A version that holds every request until it is released, and then answers all. */
async function holding(size = 4): Promise<{ target: Upstream; release(): void; held(): number }> {
  const waiting: (() => void)[] = [];
  let released = false;
  const target = await upstream((_request, response) => {
    const by = { model: 'm', version: 'v2' };
    const { headers, body } = writeBinaryResponse(by, undefined, [tensor('y', size)], [true]);
    const answer = () => void response.writeHead(200, headers).end(body);
    if (released) answer();
    else waiting.push(answer);
  });
  const release = () => {
    released = true;
    for (const answer of waiting.splice(0)) answer();
  };
  return { target, release, held: () => waiting.length };
}

const countersOf = (rig: Rig, version = 'v2') => rig.book.of(version);
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('bounds', () => {
  test('16 under way, 64 waiting, the rest dropped and counted; all that was taken is compared in the end', async () => {
    const slow = await holding();
    const rig = await rigWith(mirroredTable({ at: { v2: slow.target.port }, shadow: { v2: 10_000 } }));
    for (let i = 0; i < 100; i++) {
      answered(rig);
      // Each gets its turn of the loop, so that none is dropped for having come all at once.
      await turns(2);
    }
    await until(() => slow.held() === 16);
    expect(countersOf(rig)).toMatchObject({ mirrored: 0, mirrorDropped: 20 });
    slow.release();
    await until(() => countersOf(rig).mirrored === 80);
    expect(slow.target.requests).toBe(80);
    expect(countersOf(rig)).toMatchObject({ compared: 80, differing: 0, mirrorFailed: 0, mirrorDropped: 20 });
  });

  test('what comes in one turn of the loop is bounded too', async () => {
    const slow = await holding();
    const rig = await rigWith(mirroredTable({ at: { v2: slow.target.port }, shadow: { v2: 10_000 } }));
    for (let i = 0; i < 100; i++) answered(rig);
    expect(countersOf(rig).mirrorDropped).toBe(36);
    slow.release();
    await until(() => countersOf(rig).mirrored === 64);
  });

  test('32 MiB in all, given back when a copy is done with', async () => {
    const size = 2 ** 20;
    const slow = await holding(size);
    const rig = await rigWith(mirroredTable({ at: { v2: slow.target.port }, shadow: { v2: 10_000 } }));
    // 4 MiB in, 4 out, and room for an answer of twice that: two of them are all there is room for.
    for (let i = 0; i < 3; i++) answered(rig, size);
    expect(countersOf(rig).mirrorDropped).toBe(2);
    slow.release();
    await until(() => countersOf(rig).mirrored === 1);
    answered(rig, size);
    await until(() => countersOf(rig).mirrored === 2);
    // One that is larger than all there is.
    answered(rig, 4 * size);
    expect(countersOf(rig).mirrorDropped).toBe(3);
  });

  test('two versions share what there is, and a slow one does not keep the other from its copies', async () => {
    const [slow, quick] = [await holding(), await holding()];
    quick.release();
    const at = { v2: slow.target.port, v3: quick.target.port };
    const shares = { v1: 10_000, v2: 0, v3: 0 };
    const rig = await rigWith(mirroredTable({ at, shares, shadow: { v2: 10_000, v3: 10_000 } }));
    for (let i = 0; i < 60; i++) {
      answered(rig);
      await until(() => countersOf(rig, 'v3').mirrored === i + 1);
    }
    await until(() => slow.held() >= 8);
    expect(slow.held()).toBe(8);
    expect(countersOf(rig, 'v3')).toMatchObject({ compared: 60, mirrorDropped: 0 });
    expect(countersOf(rig, 'v2')).toMatchObject({ mirrored: 0, mirrorDropped: 60 - 8 - 32 });
    slow.release();
  });

  test('an answer much larger than the stable one is not read: it differs', async () => {
    const large = await upstream((_request, response) => {
      response.writeHead(200);
      const push = () => void (response.write(Buffer.alloc(65_536)) && !response.destroyed && setImmediate(push));
      response.on('drain', push).on('error', () => {});
      push();
    });
    const rig = await rigWith(mirroredTable({ at: { v2: large.port }, shadow: { v2: 10_000 } }));
    answered(rig);
    await until(() => countersOf(rig).mirrored === 1);
    expect(countersOf(rig)).toMatchObject({ compared: 1, differing: 1 });
    await until(() => large.cancelled === 1);
  });
});

describe('shares', () => {
  test('are drawn for each version by itself', async () => {
    const { target, release } = await holding();
    release();
    const at = { v2: target.port, v3: target.port };
    const shadow = { v2: 2_000, v3: 5_000 };
    const shares = { v1: 10_000, v2: 0, v3: 0 };
    const rig = await rigWith(mirroredTable({ at, shares, shadow }), { random: seeded(7) });
    const counted = (version: string) => countersOf(rig, version).mirrored + countersOf(rig, version).mirrorDropped;
    for (let i = 0; i < 4_000; i++) answered(rig);
    await until(() => countersOf(rig, 'v2').mirrored + countersOf(rig, 'v3').mirrored > 0);
    await turns(500);
    await until(() => counted('v2') > 700 && counted('v3') > 1_800);
    expect(counted('v2') / 4_000).toBeCloseTo(0.2, 1);
    expect(counted('v3') / 4_000).toBeCloseTo(0.5, 1);
  });

  test('a share of nothing switches it off: nothing is looked at', async () => {
    const rig = await rigWith(mirroredTable({ at: { v2: 1 }, shadow: {} }));
    expect(rig.traffic.mirror.on).toBe(false);
  });

  test('a version without an address gets none', async () => {
    const rig = await rigWith(mirroredTable({ at: {}, shadow: { v2: 10_000 } }));
    expect(rig.traffic.mirror.on).toBe(false);
  });
});

describe('under pressure', () => {
  test('one in 50 ms is still copied, the others are dropped and counted', async () => {
    const { target, release } = await holding();
    release();
    const clock = new FakeClock();
    const table = mirroredTable({ at: { v2: target.port }, shadow: { v2: 10_000 } });
    let pressed = true;
    const rig = await rigWith(table, { clock, pressure: () => pressed });
    for (let i = 0; i < 20; i++) {
      answered(rig);
      clock.advance(10);
    }
    await until(() => countersOf(rig).mirrored === 4);
    expect(countersOf(rig).mirrorDropped).toBe(16);
    pressed = false;
    for (let i = 0; i < 5; i++) answered(rig);
    await until(() => countersOf(rig).mirrored === 9);
  });
});

describe('a version that fails its copies', () => {
  const FAILURES: [string, () => Promise<number>, object][] = [
    ['is not there', deadPort, { mirrorFailed: 1 }],
    [
      'answers 500',
      async () => (await upstream((_r, response) => void response.writeHead(500).end('{}'))).port,
      { mirrorFailed: 1 },
    ],
    [
      'refuses what was answered here',
      async () => (await upstream((_r, response) => void response.writeHead(400).end('{"code":"INPUT_SHAPE"}'))).port,
      { mirrorFailed: 1 },
    ],
    [
      'answers nonsense',
      async () => (await upstream((_r, response) => void response.end('<html>'))).port,
      { mirrorFailed: 1 },
    ],
    [
      'answers JSON without outputs',
      async () => (await upstream((_r, response) => void response.end('{}'))).port,
      { mirrorFailed: 1 },
    ],
    ['hangs up', async () => (await upstream((request) => void request.socket.destroy())).port, { mirrorFailed: 1 }],
    [
      'has no room: that is no failure',
      async () => (await upstream((_r, response) => void response.writeHead(503).end('{"code":"QUEUE_FULL"}'))).port,
      { mirrorDropped: 1 },
    ],
  ];
  test.each(FAILURES)('%s', async (_name, port, expected) => {
    const none = { mirrorFailed: 0, mirrorDropped: 0, compared: 0, differing: 0, failed: 0, forwarded: 0 };
    const both = await pair({ at: { v2: await port() } });
    expect((await infer(both.v1.entry)).status).toBe(200);
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ ...none, ...expected });
    // It is no user's failure there: the circuit knows nothing of it.
    expect((await infer(both.v1.entry)).status).toBe(200);
  });

  test('never answers: out of time', async () => {
    const silent = await upstream(() => {});
    const both = await pair({ at: { v2: silent.port }, serving: { limits: { timeoutMs: 2_000 } } });
    await infer(both.v1.entry);
    await settled(both, 1);
    expect(both.seen()).toMatchObject({ mirrored: 1, mirrorFailed: 1 });
    await until(() => silent.cancelled === 1);
  });

  test('is told to the log, seldom, and without what users sent', async () => {
    const secret = '{"error":"input \'x\' has the value 4711","code":"INPUT_DATA"}';
    const refusing = await upstream((_request, response) => void response.writeHead(400).end(secret));
    const both = await pair({ at: { v2: refusing.port } });
    for (let i = 0; i < 5; i++) await infer(both.v1.entry, X(4711));
    await settled(both, 5);
    const lines = both.v1.warnings.filter((line) => line.includes('fails copies'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ version: 'v2', why: 'it answered 400 INPUT_DATA' });
    expect(lines[0]).not.toContain('4711');
  });
});

describe('users', () => {
  test('are answered at once while every copy hangs, and the process ends without waiting for any', async () => {
    const silent = await upstream(() => {});
    const both = await pair({ at: { v2: silent.port } });
    const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => infer(both.v1.entry, X(i))));
    expect(replies.map(({ status }) => status)).toEqual(Array(200).fill(200));
    expect(replies.map(({ json }) => json.outputs[0].data[0])).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await until(() => silent.requests === 16);
    expect(both.seen().mirrorDropped).toBeGreaterThan(0);
    const begun = realClock.now();
    await both.v1.server.close(0);
    // The copies have 30 s.
    expect(realClock.now() - begun).toBeLessThan(10_000);
    await until(() => silent.cancelled === 16);
  });
});
