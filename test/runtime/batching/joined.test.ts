/** The same question, asked while it is being answered. */

import { describe, expect, test } from 'vitest';
import fc from '../../properties.ts';
import { bufferOf, cached, from } from './cache-support.ts';
import { type Outcome, rowsOf, settle } from './support.ts';

describe('asked while it is being answered', () => {
  test('joins the run: one run, an answer of its own for each', async () => {
    const { runner, clock, ran, same, finishAll } = cached();
    const outcomes = [same(1)];
    clock.advance(4);
    outcomes.push(same(2), same(3));
    expect(runner.pending).toBe(3);
    clock.advance(6);
    await finishAll();
    expect([ran.length, from(outcomes)]).toEqual([1, ['run', 'joined', 'joined']]);
    expect(outcomes.map(({ done }) => done?.first)).toEqual([true, false, false]);
    expect(outcomes.map(({ done }) => [done?.queued, done?.computed])).toEqual([
      [0, 10],
      [0, 6],
      [0, 6],
    ]);
    const buffers = new Set(outcomes.map(({ done }) => bufferOf(done)));
    expect(buffers.size).toBe(3);
    expect(runner.stats()).toMatchObject({ hits: 0, misses: 1, joined: 2 });
    expect(runner.pending).toBe(0);
  });

  test('all share a failure', async () => {
    const { same, finish } = cached();
    const outcomes = [same(1), same(2)];
    await finish(new Error('boom'));
    expect(from(outcomes)).toEqual(['boom', 'boom']);
  });

  test('the first one hanging up fails nobody else, though it was not run yet; the run is counted once', async () => {
    const { ran, submit, same, gone, finishAll } = cached();
    submit([100]);
    const outcomes = [same(1), same(2), same(3)];
    gone.get(1)?.();
    await finishAll();
    expect([ran.length, from(outcomes)]).toEqual([2, ['CLIENT_GONE', 'run', 'joined']]);
    expect(gone.size).toBe(0);
  });

  test('when all have hung up it is not run; who asks then starts anew', async () => {
    const { runner, ran, submit, same, gone, finishAll } = cached();
    submit([100]);
    const outcomes = [same(1), same(2)];
    gone.get(1)?.();
    gone.get(2)?.();
    const next = same(3);
    await finishAll();
    expect(from([...outcomes, next])).toEqual(['CLIENT_GONE', 'CLIENT_GONE', 'run']);
    expect([ran, runner.pending]).toEqual([[[100], [7]], 0]);
  });

  test('what runs for nobody any more is still kept', async () => {
    const { ran, same, gone, finishAll } = cached();
    const first = same(1);
    gone.get(1)?.();
    await finishAll();
    const next = same(2);
    await settle();
    expect(from([first, next])).toEqual(['CLIENT_GONE', 'cache']);
    expect(ran.length).toBe(1);
  });

  test('each has its own deadline: the first one’s does not end the others', async () => {
    const { clock, ran, submit, same, finishAll } = cached();
    submit([100], { timeout: 9_000 });
    const outcomes = [same(1, 50), same(2, 500), same(3, 20)];
    clock.advance(30);
    await settle();
    expect(from(outcomes)).toEqual([undefined, undefined, 'REQUEST_TIMEOUT']);
    clock.advance(30);
    await settle();
    expect(from(outcomes)).toEqual(['REQUEST_TIMEOUT', undefined, 'REQUEST_TIMEOUT']);
    await finishAll();
    expect([from(outcomes)[1], ran]).toEqual(['run', [[100], [7]]]);
  });

  test('who asks in the very moment when the time of the others is up is answered all the same', async () => {
    const { clock, ran, submit, same, finishAll } = cached();
    submit([100], { timeout: 9_000 });
    const first = same(1, 50);
    clock.advance(50);
    const next = same(2);
    await finishAll();
    expect([from([first, next]), ran]).toEqual([
      ['REQUEST_TIMEOUT', 'run'],
      [[100], [7]],
    ]);
  });

  test('what runs when the time of all is up is answered late, as without a cache', async () => {
    const { clock, same, finishAll } = cached();
    const outcomes = [same(1, 50), same(2, 80)];
    clock.advance(100);
    await finishAll();
    expect(from(outcomes)).toEqual(['REQUEST_TIMEOUT', 'run']);
  });

  test('when the time of all is up it is not run', async () => {
    const { clock, ran, submit, same, finishAll } = cached();
    submit([100], { timeout: 9_000 });
    const outcomes = [same(1, 50), same(2, 80)];
    clock.advance(100);
    await finishAll();
    expect([from(outcomes), ran]).toEqual([['REQUEST_TIMEOUT', 'REQUEST_TIMEOUT'], [[100]]]);
  });

  test('no more may join than may wait', async () => {
    const { same, finishAll } = cached({ mostJoined: 2 });
    const outcomes = [1, 2, 3, 4].map((who) => same(who));
    await finishAll();
    const [next] = [same(5)];
    await finishAll();
    expect(from(outcomes)).toEqual(['run', 'joined', 'joined', 'QUEUE_FULL']);
    expect(next?.done?.from).toBe('cache');
  });

  test('nor with more bytes than may wait; who joins alone may be larger', async () => {
    const { runner, submit, gone, finishAll } = cached({ mostJoinedBytes: 100 });
    const same = (who: number, bytes: number) => submit([who], { inputs: [rowsOf([7])], bytes });
    const outcomes = [same(1, 99), same(2, 60), same(3, 50), same(4, 40)];
    gone.get(2)?.();
    outcomes.push(same(5, 60), same(6, 1));
    gone.get(1)?.();
    outcomes.push(same(7, 1));
    await finishAll();
    expect(from(outcomes)).toEqual([
      'CLIENT_GONE',
      'CLIENT_GONE',
      'QUEUE_FULL',
      'run',
      'joined',
      'QUEUE_FULL',
      'QUEUE_FULL',
    ]);
    const others = [8, 9].map((who) => submit([who], { inputs: [rowsOf([8])], bytes: 101 }));
    await finishAll();
    expect([from(others), runner.pending]).toEqual([['run', 'joined'], 0]);
  });

  test('a queue that is full refuses all who ask the same', async () => {
    const { submit, same, finishAll } = cached({ room: { requests: 1, bytes: 100 } });
    submit([100]);
    submit([101]);
    const outcomes = [same(1), same(2)];
    await finishAll();
    expect(from(outcomes)).toEqual(['QUEUE_FULL', 'QUEUE_FULL']);
  });

  test('is drained once the last run has ended', async () => {
    const { runner, clock, same, gone, finishAll } = cached();
    const outcomes = [same(1, 50), same(2)];
    let drained = false;
    void runner.drained().then(() => {
      drained = true;
    });
    gone.get(2)?.();
    await settle();
    expect(drained).toBe(false);
    await finishAll();
    expect([drained, from(outcomes), clock.pending]).toEqual([true, ['run', 'CLIENT_GONE'], 0]);
  });

  const ask = fc.record({ question: fc.nat(2), timeout: fc.integer({ min: 1, max: 60 }) });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ ask }) },
    { weight: 1, arbitrary: fc.record({ hangUp: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 1, max: 25 }) }) },
    { weight: 2, arbitrary: fc.record({ fails: fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0) }) },
  );
  test('whatever happens, each gets the answer to its own question or its own error, once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.constantFrom(1, 4), async (steps, maxBatchSize) => {
        const { runner, batcher, clock, running, gone, submit, finish, finishAll } = cached({
          maxBatchSize,
          ttlMs: 40,
        });
        const asked: { question: number; deadline: number; hungUp: boolean; outcome: Outcome }[] = [];
        for (const one of steps) {
          if ('ask' in one) {
            const { question, timeout } = one.ask;
            const outcome = submit([1_000 + asked.length], { inputs: [rowsOf([question])], timeout });
            asked.push({ question, deadline: clock.now() + timeout, hungUp: false, outcome });
          } else if ('hangUp' in one) {
            gone.get(1_000 + one.hangUp)?.();
            if (asked[one.hangUp]?.outcome.answers === 0) Object.assign(asked[one.hangUp] as object, { hungUp: true });
          } else if ('advance' in one) {
            clock.advance(one.advance);
          } else if (running.length > 0) {
            await finish(one.fails && maxBatchSize === 1 ? new Error('boom') : undefined);
          }
        }
        await finishAll();
        await runner.drained();
        await settle();
        for (const { question, deadline, hungUp, outcome } of asked) {
          expect(outcome.answers).toBe(1);
          const { code, values } = outcome;
          if (code === undefined) expect(values).toEqual([question * 2]);
          else expect(['CLIENT_GONE', 'REQUEST_TIMEOUT', 'QUEUE_FULL', 'boom']).toContain(code);
          if (code === 'CLIENT_GONE') expect(hungUp).toBe(true);
          if (code === 'REQUEST_TIMEOUT') expect(clock.now()).toBeGreaterThanOrEqual(deadline);
        }
        const { hits, misses, joined } = runner.stats();
        const refused = asked.filter(({ outcome }) => outcome.code === 'QUEUE_FULL').length;
        expect(hits + misses + joined).toBeGreaterThanOrEqual(asked.length - refused);
        expect([runner.pending, batcher.pending, gone.size, clock.pending]).toEqual([0, 0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});
