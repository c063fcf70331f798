import { describe, expect, test } from 'vitest';
import { createBatcher } from '../../runtime/batching/batcher.ts';
import { realClock } from '../../runtime/clock.ts';
import type { LoadedModel } from '../../runtime/models/loaded-model.ts';
import type { Tensor } from '../../runtime/protocol/datatypes.ts';
import { FakeClock } from './fake-clock.ts';
import { ask, infer, type RunOptions, run } from './harness.ts';
import { identity } from './onnx-builder.ts';

const BODY = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };
const SPEC = { datatype: 'FP32', shape: [-1] } as const;
const EXECUTION: LoadedModel['execution'] = {
  place: 'workers',
  workers: 1,
  threads: 1,
  providers: ['cpu'],
  device: 0,
  why: 'the test says so',
  weightsShared: false,
  optimized: 'off',
};

/** A server whose runs end when the test lets them. */
async function held(options: RunOptions & { queue?: number } = {}) {
  const clock = options.clock ?? realClock;
  const running = await run({ ...options, load: false });
  const starts: (() => void)[] = [];
  let runs = 0;
  const signature = { inputs: [{ name: 'x', ...SPEC }], outputs: [{ name: 'y', ...SPEC }] };
  const lane = {
    run([x]: readonly Tensor[]) {
      runs++;
      return new Promise<Tensor[]>((resolve) => starts.push(() => resolve([{ ...(x as Tensor), name: 'y' }])));
    },
  };
  const queue = createBatcher({
    lanes: [lane],
    eager: false,
    maxBatchSize: 1,
    maxDelayMs: 0,
    signature,
    room: { requests: options.queue ?? 100, bytes: 1_000_000 },
    clock,
    warn: () => {},
  });
  running.server.own.serve({
    signature,
    digest: '',
    runner: queue,
    execution: EXECUTION,
    batching: () => queue.stats(),
    close: () => queue.drained(),
  });
  const waiting = (count: number) => expect.poll(() => queue.pending, { timeout: 20_000 }).toBe(count);
  const finish = async () => {
    while (queue.pending > 0) {
      starts.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { running, queue, waiting, finish, runs: () => runs };
}

describe('under more load than it can take', () => {
  test('a full queue is 503 with Retry-After; what was taken is answered', async () => {
    const { running, waiting, finish } = await held({ queue: 2 });
    const taken = [infer(running, BODY), infer(running, BODY), infer(running, BODY)];
    await waiting(3);
    const full = await infer(running, BODY);
    expect(full.json).toEqual({ code: 'QUEUE_FULL', error: expect.stringContaining('2 requests') });
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1']);
    await finish();
    expect((await Promise.all(taken)).map((reply) => reply.status)).toEqual([200, 200, 200]);
    expect(running.server.report().versions.v1).toMatchObject({ answered: 4, errors: 1 });
  });

  test('a request that waited too long is 504, without being run', async () => {
    const clock = new FakeClock();
    const { running, waiting, finish, runs } = await held({ clock, serving: { limits: { timeoutMs: 40 } } });
    const [first, second] = [infer(running, BODY), infer(running, BODY)];
    await waiting(2);
    clock.advance(50);
    const late = await Promise.race([first, second]);
    expect([late.status, late.json]).toEqual([
      504,
      { code: 'REQUEST_TIMEOUT', error: expect.stringContaining('waited') },
    ]);
    // The drain of the fake clock must not wait for time that stands still.
    await finish();
    expect([(await first).status, (await second).status].sort()).toEqual([200, 504]);
    expect(runs()).toBe(1);
    Object.assign(clock, realClock);
  });

  test('a forwarder may give less time at a direct door, and nobody may ask for more', async () => {
    const running = await run({ model: identity('FP32') });
    const timed = (door: string, ms: string) =>
      ask(`${door}/v2/models/m/infer`, BODY, { headers: { 'modelship-timeout-ms': ms } });
    expect((await timed(running.direct, '0')).json.code).toBe('REQUEST_TIMEOUT');
    expect((await timed(running.direct, '1e9')).status).toBe(200);
    expect((await timed(running.direct, 'soon')).status).toBe(200);
    expect((await timed(running.entry, '0')).status).toBe(200);
  });

  test('a user who hangs up leaves the queue, and is neither answered nor refused', async () => {
    const { running, waiting, finish, runs } = await held();
    const patient = infer(running, BODY);
    await waiting(1);
    const hangUp = new AbortController();
    const impatient = infer(running, BODY, { signal: hangUp.signal });
    await waiting(2);
    hangUp.abort();
    await expect(impatient).rejects.toThrow();
    await waiting(1);
    await finish();
    expect([(await patient).status, runs()]).toEqual([200, 1]);
    expect(running.server.report().versions.v1).toMatchObject({ answered: 1, errors: 0, refused: 0 });
    expect((await ask(`${running.admin}/metrics`)).text).toContain('code="499"} 1');
  });

  test('in flight is what is not answered yet', async () => {
    const { running, waiting, finish } = await held();
    const replies = [infer(running, BODY), ask(`${running.direct}/v2/models/m/infer`, BODY)];
    await waiting(2);
    expect(running.server.report().inFlight).toBe(2);
    await finish();
    await Promise.all(replies);
    await expect.poll(() => running.server.report().inFlight, { timeout: 20_000 }).toBe(0);
  });
});

describe('closing', () => {
  test('waits for what is in flight; nothing is refused because of it', async () => {
    const { running, waiting, finish } = await held();
    const replies = [infer(running, BODY), infer(running, BODY), ask(`${running.direct}/v2/models/m/infer`, BODY)];
    await waiting(3);
    let closed = false;
    const closing = running.server.close(0).then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(closed).toBe(false);
    expect((await ask(`${running.admin}/readyz`)).json.error).toContain('shutting down');
    await finish();
    for (const reply of await Promise.all(replies)) {
      expect([reply.status, reply.headers.get('connection')]).toEqual([200, 'close']);
    }
    await closing;
    await expect(infer(running, BODY)).rejects.toThrow();
  });

  test('an idle connection is left alone as a lame duck, told to move, and only then cut', async () => {
    const { running, finish, waiting } = await held();
    const first = infer(running, BODY);
    await waiting(1);
    await finish();
    expect((await first).headers.get('connection')).toBe('keep-alive');
    // fetch gives its connection back a moment after the answer is read.
    await new Promise((resolve) => setTimeout(resolve, 20));
    // Longer than a test may take.
    const closing = running.server.close(60_000);
    const second = infer(running, BODY);
    await waiting(1);
    await finish();
    expect([(await second).status, (await second).headers.get('connection')]).toEqual([200, 'close']);
    // The last connection is gone, so the rest of the lame duck is not waited for.
    await closing;
  });
});
