import { describe, expect, it } from 'vitest';
import { OneFault, RandomPlan } from '../../faults/plan.ts';
import { seededRandom, weighted } from '../../faults/random.ts';
import { describeRequest } from '../../faults/request.ts';

const get = (number: number) => describeRequest(number, 'GET', '/api/v1/namespaces/a/services/s');
const put = (number: number) => describeRequest(number, 'PUT', '/api/v1/namespaces/a/services/s');
const watch = (number: number) => describeRequest(number, 'GET', '/api/v1/pods?watch=1');
const decisions = (plan: RandomPlan, request: typeof get, count = 400) =>
  Array.from({ length: count }, (_, i) => plan.decide(request(i + 1)));

describe('random faults', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(decisions(new RandomPlan(7), put)).toEqual(decisions(new RandomPlan(7), put));
    expect(decisions(new RandomPlan(7), put)).not.toEqual(decisions(new RandomPlan(8), put));
  });

  it('come about as often as asked', () => {
    const hit = decisions(new RandomPlan(1, { rate: 0.25 }), put, 4_000).filter(({ kind }) => kind !== 'pass');
    expect(hit.length / 4_000).toBeGreaterThan(0.2);
    expect(hit.length / 4_000).toBeLessThan(0.3);
  });

  it('fit the request: reads meet no conflict, and only watches stall', () => {
    const kinds = (request: typeof get) =>
      new Set(decisions(new RandomPlan(2, { rate: 1, watchRate: 1 }), request).map((f) => f.kind));
    expect(kinds(put)).toContain('conflict');
    expect(kinds(get)).not.toContain('conflict');
    expect(kinds(watch)).toContain('stall');
    expect(kinds(get)).not.toContain('stall');
  });

  it('end when it is calm', () => {
    const plan = new RandomPlan(3, { rate: 1 });
    plan.calm();
    expect(decisions(plan, put).every(({ kind }) => kind === 'pass')).toBe(true);
  });
});

it('one fault comes at its position among those that count', () => {
  const plan = new OneFault(2, { kind: 'cut-after' }, ({ write }) => write);
  expect([put(1), get(2), put(3), put(4)].map((request) => plan.decide(request).kind)).toEqual([
    'pass',
    'pass',
    'cut-after',
    'pass',
  ]);
  expect(plan.seen).toBe(3);
});

it('weights decide how often a key comes', () => {
  const random = seededRandom(5);
  const counts = { often: 0, seldom: 0 };
  for (let i = 0; i < 4_000; i++) counts[weighted(random, { often: 3, seldom: 1 })]++;
  expect(counts.often / counts.seldom).toBeGreaterThan(2.6);
  expect(counts.often / counts.seldom).toBeLessThan(3.4);
});
