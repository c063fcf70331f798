import { expect, test } from 'vitest';
import type { PrometheusAnswer } from '../../../api/prometheus.ts';
import type { PrometheusSource } from '../../../operator/evidence/queries.ts';
import { QueryKeeper } from '../../../operator/evidence/query-keeper.ts';
import { FakeClock, settle } from '../kube/fake-clock.ts';

/** Answers when a test says so, in the order of the questions. */
class Source implements PrometheusSource {
  readonly asked: string[] = [];
  readonly open: ((answer: PrometheusAnswer) => void)[] = [];

  query(promql: string): Promise<PrometheusAnswer> {
    this.asked.push(promql);
    return new Promise((resolve) => this.open.push(resolve));
  }

  async answer(value: number): Promise<void> {
    this.open.shift()?.({ ok: true, value });
    await settle();
  }
}

function setup() {
  const source = new Source();
  const clock = new FakeClock();
  const told: string[] = [];
  const keeper = new QueryKeeper({ source, clock, onAnswer: (key) => void told.push(key) });
  const want = (window: string, ...queries: string[]) =>
    keeper.want(
      'a/b',
      window,
      queries.map((query) => ({ query, promql: `${query} in ${window}` })),
      1_000,
    );
  return { source, clock, told, keeper, want };
}

test('no pass waits: it gets what is known, and the key is named when more is', async () => {
  const { source, told, want } = setup();
  expect(want('w', 'q')).toEqual({ known: new Map(), lookAgain: undefined });
  await source.answer(3);
  expect(told).toEqual(['a/b']);
  expect(want('w', 'q')).toEqual({ known: new Map([['q', { ok: true, value: 3 }]]), lookAgain: 1_000 });
});

test('what is known is asked for again when it is too old, as it reads then', async () => {
  const { source, clock, want } = setup();
  want('w', 'q');
  await source.answer(3);
  await clock.advance(999);
  want('w', 'q');
  expect(source.asked).toHaveLength(1);
  await clock.advance(1);
  expect(want('w', 'q').known.get('q')).toEqual({ ok: true, value: 3 });
  want('w', 'q');
  expect(source.asked).toHaveLength(2);
});

test('another window forgets what was answered before, also what comes late', async () => {
  const { source, told, want } = setup();
  want('w', 'q');
  expect(want('x', 'q').known.size).toBe(0);
  await source.answer(1);
  expect(told).toEqual([]);
  expect(want('x', 'q').known.size).toBe(0);
  await source.answer(2);
  expect(want('x', 'q').known.get('q')).toEqual({ ok: true, value: 2 });
  expect(source.asked).toEqual(['q in w', 'q in x']);
});

test('no more than four at a time, and what is wanted no more is not asked', async () => {
  const { source, keeper, want } = setup();
  want('w', 'a', 'b', 'c', 'd', 'e', 'f');
  expect(source.asked).toHaveLength(4);
  want('w', 'a', 'f');
  await source.answer(1);
  expect(source.asked.slice(4)).toEqual(['f in w']);
  keeper.forget('a/b');
  await source.answer(1);
  expect(want('w', 'a').known.size).toBe(0);
});
