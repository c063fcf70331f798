import { describe, expect, test } from 'vitest';
import { Meter } from '../../local/meter.ts';
import { report } from './build.ts';

describe('the meter', () => {
  test('nothing is known before there are two samples', () => {
    const meter = new Meter();
    expect(meter.measure('v1')).toEqual({
      requestsPerSecond: 0,
      errorsPerSecond: 0,
      requests: 0,
      errors: 0,
      shielded: 0,
    });
    meter.sample(0, [report('v1', { v1: { answered: 50 } })]);
    expect(meter.measure('v1')).toMatchObject({ requestsPerSecond: 0, requests: 50 });
    expect(meter.measure('v1')).not.toHaveProperty('observed');
  });

  test('rates and shares are those of the window, counts those of the run', () => {
    const meter = new Meter();
    const at = (n: number) => [report('v1', { v1: { answered: 90 * n } }), report('v2', { v2: { answered: 10 * n } })];
    meter.sample(0, at(1));
    meter.sample(1_000, at(2));
    expect(meter.measure('v1')).toMatchObject({ requestsPerSecond: 90, observed: 90, requests: 180 });
    expect(meter.measure('v2')).toMatchObject({ requestsPerSecond: 10, observed: 10, requests: 20 });
    expect(meter.total()).toMatchObject({ requestsPerSecond: 100, requests: 200, errors: 0 });
  });

  test('the window moves on: what is older than ten seconds is forgotten', () => {
    const meter = new Meter();
    for (let second = 0; second <= 30; second++) {
      meter.sample(second * 1_000, [report('v1', { v1: { answered: Math.min(second, 15) * 100 } })]);
    }
    expect(meter.measure('v1')).toMatchObject({ requestsPerSecond: 0, requests: 1_500 });
  });

  test('after a change of the split only what came later is measured, as soon as there is some', () => {
    const meter = new Meter();
    const sample = (at: number, v1: number, v2: number) =>
      meter.sample(at, [report('v1', { v1: { answered: v1 } }), report('v2', { v2: { answered: v2 } })]);
    sample(0, 0, 0);
    sample(500, 100, 0);
    meter.restart(700);
    expect(meter.measure('v1').observed).toBe(100);
    sample(1_000, 140, 60);
    expect(meter.measure('v1').observed).toBe(40);
    sample(1_500, 140, 160);
    expect(meter.measure('v1').observed).toBe(0);
    expect(meter.measure('v2').observed).toBe(100);
  });

  test('what a process counted survives its end', () => {
    const meter = new Meter();
    const dead = report('v2', { v2: { answered: 40, errors: 2 } });
    meter.sample(0, [dead]);
    meter.bury(dead);
    meter.bury(undefined);
    meter.sample(1_000, [report('v2', { v2: { answered: 5 } })]);
    expect(meter.measure('v2')).toMatchObject({ requests: 45, errors: 2, requestsPerSecond: 5 });
  });

  test('failures that callers saw count against the version that failed, and no failure counts twice', () => {
    const meter = new Meter();
    meter.sample(0, []);
    meter.sample(1_000, [
      report('v1', { v1: { answered: 100 }, v2: { failed: 7, shielded: 9 } }),
      report('v2', { v2: { answered: 10, errors: 3 } }),
    ]);
    expect(meter.measure('v1')).toMatchObject({ errors: 0, shielded: 0 });
    expect(meter.measure('v2')).toMatchObject({ errors: 7, errorsPerSecond: 7, shielded: 9 });
  });

  test('quantiles are those of the window, merged over the versions for the total', () => {
    const meter = new Meter();
    const slow = Array.from({ length: 100 }, () => 1);
    const fast = Array.from({ length: 100 }, () => 0.01);
    meter.sample(0, [report('v1', { v1: { answered: 100 } }, slow)]);
    meter.sample(1_000, [
      report('v1', { v1: { answered: 200 } }, [...slow, ...fast]),
      report('v2', { v2: { answered: 2 } }, [0.1, 0.1]),
    ]);
    expect(meter.measure('v1').p99).toBeCloseTo(0.01, 3);
    expect(meter.measure('v2').p50).toBeCloseTo(0.1, 2);
    expect(meter.total().p50).toBeCloseTo(0.01, 3);
  });
});
