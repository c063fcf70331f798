/** Windows, warm-up, looks. */
import { describe, expect, test } from 'vitest';
import { Analyst } from '../../../core/analysis/analyst.ts';
import { analysis, evidence, judged, WINDOW } from './build.ts';

const CHECKS = analysis([{ metric: 'error-rate', max: 0.01 }]);
const sample = (at: number, requests: number, failures = 0) => ({
  at,
  versions: { v2: evidence({ requests, failures }) },
});

function opened(): Analyst {
  const analyst = new Analyst();
  analyst.open(WINDOW, CHECKS);
  return analyst;
}

const messageOf = (analyst: Analyst, now: number) => analyst.look(now)?.checks[0]?.message;

describe('what counts', () => {
  test('nothing of before the window and of its warm-up', () => {
    const analyst = opened();
    analyst.add(sample(-1_000, 1_000));
    analyst.add(sample(4_000, 1_000));
    analyst.add(sample(9_000, 1_000));
    analyst.add(sample(20_000, 300));
    expect(messageOf(analyst, 20_000)).toBe('error-rate 0 over 300 requests, allowed 0.01');
  });
  test('a short interval has a short warm-up', () => {
    const analyst = new Analyst();
    analyst.open(WINDOW, { ...CHECKS, intervalMs: 1_000 });
    analyst.add(sample(1_000, 1_000));
    analyst.add(sample(2_000, 300));
    expect(messageOf(analyst, 2_000)).toBe('error-rate 0 over 300 requests, allowed 0.01');
  });
  test('a sample that is not newer than the last one is left out', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(20_000, 300));
    analyst.add(sample(20_000, 300));
    expect(messageOf(analyst, 20_000)).toBe('error-rate 0 over 300 requests, allowed 0.01');
  });
  test('not a sample some of which was counted before the window, by a process that was missing', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add({ ...sample(15_000, 1_000, 900), since: -2_000 });
    analyst.add(sample(20_000, 300));
    expect(messageOf(analyst, 20_000)).toBe('error-rate 0 over 300 requests, allowed 0.01');
  });
  test('after the clock was set back, what comes from then on', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(60_000, 300));
    expect(messageOf(analyst, 60_000)).toBe('error-rate 0 over 300 requests, allowed 0.01');
    analyst.add(sample(30_000, 300));
    expect(analyst.look(30_000)).toMatchObject({ looks: 1, nextAt: 45_000 });
    analyst.add(sample(45_000, 300));
    expect(messageOf(analyst, 45_000)).toBe('error-rate 0 over 600 requests, allowed 0.01');
  });
});

describe('looks', () => {
  test('none before the first interval is over', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(10_000, 300));
    expect(analyst.look(19_999)).toEqual({
      key: { id: 'walk', step: 0, window: 0 },
      since: 0,
      looks: 0,
      checks: [],
      nextAt: 20_000,
    });
    expect(analyst.look(20_000)).toMatchObject({ looks: 1, nextAt: 35_000 });
  });
  test('one an interval, however often it is asked', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(20_000, 300));
    analyst.look(20_000);
    analyst.add(sample(25_000, 300, 300));
    expect(analyst.look(25_000)).toMatchObject({ looks: 1, checks: [{ verdict: 'Pass' }] });
    expect(analyst.look(35_000)).toMatchObject({ looks: 2, checks: [{ verdict: 'Fail' }] });
  });
  test('a late sample is waited for, and silence does not pass', () => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(20_000, 300));
    expect(analyst.look(20_000)?.checks).toMatchObject([{ verdict: 'Pass' }]);
    expect(analyst.look(35_000)).toMatchObject({ looks: 1, checks: [{ verdict: 'Pass' }], nextAt: 36_000 });
    expect(analyst.look(50_000)).toMatchObject({
      looks: 2,
      checks: [{ verdict: 'Inconclusive', message: 'error-rate: nothing was reported for 30 s' }],
    });
    analyst.add(sample(60_000, 0));
    expect(analyst.look(65_000)).toMatchObject({ looks: 3, checks: [{ verdict: 'Pass' }] });
  });
  test('the evidence of a process that took over late began with it', () => {
    const analyst = opened();
    expect(analyst.look(1_800_000)).toMatchObject({
      since: 1_800_000,
      looks: 1,
      checks: [{ verdict: 'Inconclusive' }],
    });
    const other = opened();
    other.add(sample(1_800_000, 0));
    other.add(sample(1_805_000, 300));
    expect(other.look(1_805_000)).toMatchObject({ since: 1_800_000, looks: 1, checks: [{ verdict: 'Pass' }] });
    other.add(sample(1_820_000, 300));
    expect(other.look(1_820_000)).toMatchObject({ since: 1_800_000, looks: 2 });
  });
  test('nothing without a window, without checks, without canaries', () => {
    const analyst = new Analyst();
    expect(analyst.look(1e9)).toBeUndefined();
    analyst.open(WINDOW, undefined);
    expect(analyst.look(1e9)).toBeUndefined();
    analyst.open({ ...WINDOW, canaries: [] }, CHECKS);
    expect(analyst.look(1e9)).toBeUndefined();
  });
});

describe('another window forgets', () => {
  const after = (open: (analyst: Analyst) => void) => {
    const analyst = opened();
    analyst.add(sample(5_000, 0));
    analyst.add(sample(20_000, 300));
    analyst.look(20_000);
    open(analyst);
    return analyst.look(20_000)?.looks;
  };
  test.each<[string, number | undefined, (analyst: Analyst) => void]>([
    ['the same window again', 1, (a) => a.open({ ...WINDOW }, { ...CHECKS })],
    ['the next step', 0, (a) => a.open({ ...WINDOW, step: 1 }, CHECKS)],
    ['begun anew', 0, (a) => a.open({ ...WINDOW, window: 1 }, CHECKS)],
    ['another walk', 0, (a) => a.open({ ...WINDOW, id: 'other' }, CHECKS)],
    ['other checks', 0, (a) => a.open(WINDOW, analysis([{ metric: 'error-rate', max: 0.5 }]))],
    ['closed', undefined, (a) => a.open(undefined, CHECKS)],
  ])('%s', (_, looks, open) => expect(after(open)).toBe(looks));
});

test('with several canaries each check names its version; a query knows none', () => {
  const versions = {
    v1: evidence({ requests: 1_000 }),
    v2: evidence({ requests: 300 }),
    v3: evidence({ requests: 300, failures: 200 }),
  };
  const [checks] = judged(
    [
      { metric: 'error-rate', max: 0.01 },
      { prometheus: 'sum( rate(x[1m]) )', max: 1 },
    ],
    [{ versions, prometheus: { 'sum( rate(x[1m]) )': 0.5 } }],
    { canaries: ['v2', 'v3'] },
  );
  expect(checks).toEqual([
    {
      name: 'error-rate of v2',
      version: 'v2',
      verdict: 'Pass',
      message: 'error-rate of v2 0 over 300 requests, allowed 0.01',
    },
    {
      name: 'error-rate of v3',
      version: 'v3',
      verdict: 'Fail',
      message: 'error-rate of v3 0.667 over 300 requests, allowed 0.01',
    },
    {
      name: 'prometheus sum( rate(x[1m]) )',
      version: 'v2',
      verdict: 'Pass',
      message: 'prometheus sum( rate(x[1m]) ) 0.5, allowed 1',
    },
  ]);
});
