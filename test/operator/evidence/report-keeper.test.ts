import { describe, expect, test } from 'vitest';
import { ReportKeeper, type Wanted } from '../../../operator/evidence/report-keeper.ts';
import type { PodAddress, ReportRead, ReportSource } from '../../../operator/evidence/reports.ts';
import fc from '../../properties.ts';
import { FakeClock, settle } from '../kube/fake-clock.ts';
import { FAILED, read } from './build.ts';

/** Answers when a test says so, in the order of the questions. */
class Source implements ReportSource {
  readonly asked: string[] = [];
  readonly open: { name: string; answer(read: ReportRead): void }[] = [];
  most = 0;

  read({ name, ip }: PodAddress): Promise<ReportRead> {
    this.asked.push(`${name}@${ip}`);
    return new Promise((resolve) => {
      this.open.push({ name, answer: resolve });
      this.most = Math.max(this.most, this.open.length);
    });
  }

  async answer(result: ReportRead = read(), index = 0): Promise<void> {
    this.open.splice(index, 1)[0]?.answer(result);
    await settle();
  }
}

const pod = (name: string, maxAgeMs = 1_000, ip = '10.0.0.1'): Wanted => ({
  uid: `uid-${name}`,
  pod: { namespace: 'models', name, ip },
  maxAgeMs,
});

function setup(concurrency?: number) {
  const source = new Source();
  const clock = new FakeClock();
  const told: string[] = [];
  const keeper = new ReportKeeper({
    source,
    clock,
    onRead: (key) => void told.push(key),
    ...(concurrency !== undefined && { concurrency }),
  });
  return { source, clock, told, keeper };
}

describe('a pass that wants reports', () => {
  test('is not made to wait: it gets what is known, and the key is named when more is', async () => {
    const { source, told, keeper } = setup();
    expect(keeper.want('a/b', [pod('p')])).toEqual({ known: new Map(), lookAgain: undefined });
    expect(source.asked).toEqual(['p@10.0.0.1']);
    expect(told).toEqual([]);
    await source.answer();
    expect(told).toEqual(['a/b']);
    expect(keeper.want('a/b', [pod('p')])).toEqual({ known: new Map([['uid-p', read()]]), lookAgain: 1_000 });
    expect(source.asked).toHaveLength(1);
  });

  test('is told when the first of its reports is too old, and may want them younger than another pass', async () => {
    const { source, clock, keeper } = setup();
    keeper.want('a/b', [pod('p', 500), pod('q', 2_000)]);
    await source.answer();
    await source.answer();
    await clock.advance(300);
    expect(keeper.want('a/b', [pod('p', 500), pod('q', 2_000)]).lookAgain).toBe(200);
    expect(keeper.want('a/b', [pod('q', 2_000)]).lookAgain).toBe(1_700);
    keeper.want('a/b', [pod('q', 300)]);
    expect(source.asked).toEqual(['p@10.0.0.1', 'q@10.0.0.1', 'q@10.0.0.1']);
  });

  test('asks once, however often it comes while the pod has not answered', async () => {
    const { source, clock, keeper } = setup();
    for (let i = 0; i < 5; i++) {
      expect(keeper.want('a/b', [pod('p')]).lookAgain).toBeUndefined();
      await clock.advance(5_000);
    }
    expect(source.asked).toHaveLength(1);
  });

  test('keeps the report before until a new one has come', async () => {
    const { source, clock, keeper } = setup();
    keeper.want('a/b', [pod('p')]);
    await source.answer();
    await clock.advance(1_000);
    expect(keeper.want('a/b', [pod('p')]).known.size).toBe(1);
    expect(source.asked).toHaveLength(2);
    await source.answer(FAILED);
    expect(keeper.want('a/b', [pod('p')]).known).toEqual(new Map([['uid-p', FAILED]]));
  });

  test('a pod that waits for its turn is asked where it is then', async () => {
    const { source, keeper } = setup(1);
    keeper.want('a/b', [pod('p'), pod('q')]);
    keeper.want('a/b', [pod('p'), pod('q', 1_000, '10.0.0.9')]);
    await source.answer();
    expect(source.asked).toEqual(['p@10.0.0.1', 'q@10.0.0.9']);
  });
});

describe('a pod that does not answer', () => {
  test('is asked after twice as long each time, up to a minute; then as before', async () => {
    const { source, keeper, clock } = setup();
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      keeper.want('a/b', [pod('p')]);
      await source.answer(FAILED);
      const { lookAgain } = keeper.want('a/b', [pod('p')]);
      waits.push(lookAgain);
      await clock.advance(lookAgain ?? 0);
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
    keeper.want('a/b', [pod('p')]);
    await source.answer();
    expect(keeper.want('a/b', [pod('p')]).lookAgain).toBe(1_000);
  });
});

describe('what is wanted no more', () => {
  test('is forgotten with its report, its turn and its failures', async () => {
    const { source, told, keeper } = setup(1);
    keeper.want('a/b', [pod('p'), pod('q')]);
    keeper.want('a/b', [pod('p')]);
    expect(keeper.size).toBe(1);
    await source.answer(FAILED);
    expect([source.asked, told]).toEqual([['p@10.0.0.1'], ['a/b']]);
    keeper.want('a/b', []);
    expect(keeper.size).toBe(0);
    expect(keeper.want('a/b', [pod('p')]).known.size).toBe(0);
    expect(source.asked).toHaveLength(2);
  });

  test('of a key that is gone: nobody is told of it, and its turns go to others', async () => {
    const { source, told, keeper } = setup(1);
    keeper.want('a/b', [pod('p'), pod('q')]);
    keeper.want('c/d', [pod('r')]);
    keeper.forget('a/b');
    await source.answer();
    expect([source.asked, told]).toEqual([['p@10.0.0.1', 'r@10.0.0.1'], []]);
    await source.answer();
    expect(told).toEqual(['c/d']);
  });

  test('after the end nothing is asked, and nobody is told', async () => {
    const { source, told, keeper } = setup(1);
    keeper.want('a/b', [pod('p'), pod('q')]);
    keeper.stop();
    await source.answer();
    expect([source.asked, told, keeper.size]).toEqual([['p@10.0.0.1'], [], 0]);
  });
});

const name = fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5');
const key = fc.constantFrom('a/a', 'a/b', 'a/c');
const step = fc.oneof(
  fc.record({ do: fc.constant('want' as const), key, names: fc.uniqueArray(name) }),
  fc.record({ do: fc.constant('forget' as const), key }),
  fc.record({ do: fc.constant('answer' as const), index: fc.nat(4), ok: fc.boolean() }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
);

test('whatever is wanted and forgotten: no more reads at a time than allowed, nothing kept that nobody wants', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 40 }), async (concurrency, steps) => {
      const { source, clock, told, keeper } = setup(concurrency);
      const wanted = new Map<string, string[]>();
      for (const event of steps) {
        const before = told.length;
        if (event.do === 'want') {
          const { known } = keeper.want(
            event.key,
            event.names.map((of) => pod(`${event.key}-${of}`)),
          );
          for (const uid of known.keys()) expect(event.names.map((of) => `uid-${event.key}-${of}`)).toContain(uid);
          wanted.set(event.key, event.names);
        } else if (event.do === 'forget') {
          keeper.forget(event.key);
          wanted.delete(event.key);
        } else if (event.do === 'answer') {
          await source.answer(event.ok ? read() : FAILED, Math.min(event.index, source.open.length - 1));
        } else {
          await clock.advance(event.ms);
        }
        for (const of of told.slice(before)) expect(wanted.get(of)?.length ?? 0).toBeGreaterThan(0);
        expect(keeper.size).toBe([...wanted.values()].flat().length);
      }
      expect(source.most).toBeLessThanOrEqual(concurrency);
      // No turn was lost: all that is wanted is read in the end.
      const rest = new Set([...wanted].flatMap(([of, names]) => names.map((one) => `${of}-${one}`)));
      while (source.open.length > 0) await source.answer();
      for (const [of, names] of wanted) {
        const { known } = keeper.want(
          of,
          names.map((one) => pod(`${of}-${one}`, 120_000)),
        );
        for (const uid of known.keys()) rest.delete(uid.slice('uid-'.length));
      }
      expect([...rest]).toEqual([]);
    }),
    { numRuns: 100 },
  ));
