import { describe, expect, test } from 'vitest';
import type { Executor } from '../../../runtime/models/executor.ts';
import { moving } from '../../../runtime/models/moving-executor.ts';
import { FakeClock } from '../fake-clock.ts';
import { ask, infer, run } from '../harness.ts';
import { SLOW, slowRequest } from '../slow-model.ts';

/** A model on main whose runs take what the test says. */
function bench() {
  const clock = new FakeClock();
  const events: string[] = [];
  const warnings: string[] = [];
  const opening = Promise.withResolvers<void>();
  const signature = { inputs: [], outputs: [] };
  let next = 0;
  const executor = (place: Executor['place']): Executor => ({
    place,
    signature,
    providers: ['cpu'],
    async run() {
      clock.advance(next);
      events.push(place);
      return [];
    },
    close: async () => void events.push(`${place} closed`),
  });
  const openWorker = async () => {
    await opening.promise;
    return executor('worker');
  };
  const moved = () => void events.push('moved');
  const subject = moving(executor('main'), {
    clock,
    openWorker,
    moved,
    warn: (message) => void warnings.push(message),
  });
  const runs = async (count: number, ms: number) => {
    next = ms;
    for (let i = 0; i < count; i++) await subject.run([], []);
  };
  return { subject, events, warnings, opening, runs };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a model that was measured as tiny', () => {
  test('and takes long moves to a worker; until that is ready it runs where it is', async () => {
    const { subject, events, warnings, opening, runs } = bench();
    await runs(2, 200);
    expect(warnings).toEqual([expect.stringContaining('the last one 200 ms')]);
    await runs(2, 200);
    expect(subject.place).toBe('main');
    opening.resolve();
    await settled();
    await runs(1, 200);
    expect([subject.place, events]).toEqual([
      'worker',
      [...new Array(4).fill('main'), 'moved', 'main closed', 'worker'],
    ]);
    await subject.close();
    expect(events.at(-1)).toBe('worker closed');
  });

  test.each([
    ['fast runs', 1_000, 1, 0, 0],
    ['runs of 9 ms', 1_000, 9, 0, 0],
    ['a pause of the machine now and then', 40, 0.1, 1, 500],
  ])('stays with %s', async (_what, many, ms, few, long) => {
    const { subject, warnings, runs } = bench();
    for (let i = 0; i < 10; i++) {
      await runs(many, ms);
      await runs(few, long);
    }
    expect([subject.place, warnings]).toEqual(['main', []]);
  });

  test('stays if no worker can be had, and does not try again', async () => {
    const { subject, warnings, opening, runs } = bench();
    opening.reject(new Error('no memory'));
    await runs(10, 100);
    await settled();
    await runs(10, 100);
    expect([subject.place, warnings[1], warnings.length]).toEqual(['main', expect.stringContaining('no memory'), 2]);
  });

  test('closed while it moves: both go', async () => {
    const { subject, events, opening, runs } = bench();
    await runs(2, 200);
    const closed = subject.close();
    opening.resolve();
    await closed;
    expect(events.slice(2)).toEqual(['moved', 'main closed', 'worker closed']);
  });
});

test('a model whose work depends on the values: health answers come while it is saturated', async () => {
  const running = await run({ model: SLOW });
  const place = () => running.server.own.loaded?.execution.place;
  expect(place()).toBe('main');
  // The machine may be fast: until it has moved.
  const placeAfterOneMore = async () => {
    await infer(running, slowRequest(700));
    return place();
  };
  await expect.poll(placeAfterOneMore, { timeout: 20_000 }).toBe('workers');
  const order: string[] = [];
  const slow = infer(running, slowRequest(1_600)).then(() => order.push('run'));
  await expect.poll(() => running.server.own.loaded?.runner.pending, { timeout: 20_000, interval: 5 }).toBe(1);
  await ask(`${running.entry}/v2/health/live`).then(() => order.push('live'));
  await slow;
  expect(order).toEqual(['live', 'run']);
  expect((await ask(`${running.admin}/metrics`)).text).toMatch(/modelship_execution_info\{place="workers"/);
  expect(running.warnings.join()).toContain('moves to a worker');
});
