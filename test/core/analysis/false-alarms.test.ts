/** A small part of `npm run bench:false-alarms`, as a guard: the same seeds give the same counts everywhere. */
import { expect, test } from 'vitest';
import { BAD, GOOD } from '../../../bench/false-alarms/scenarios.ts';
import { simulate } from '../../../bench/false-alarms/table.ts';

const EACH = 25;

test('good canaries are not rolled back', { timeout: 120_000 }, () => {
  const rows = GOOD.map((scenario) => simulate(scenario, 'passed', EACH, 7));
  const rolledBack = rows.reduce((sum, row) => sum + row.rolledBack, 0);
  expect(rows.length * EACH).toBeGreaterThanOrEqual(300);
  // 1 % of 350.
  expect(rolledBack).toBeLessThanOrEqual(3);
  expect(rows.filter(({ passed }) => passed === 0)).toEqual([]);
  expect(rows[0]).toMatchObject({ scenario: 'alike, three checks', passed: EACH });
});

test('bad canaries never pass, and clear cases are found at once', { timeout: 120_000 }, () => {
  const rows = BAD.map((scenario) => simulate(scenario, 'rolled back', 10, 7));
  expect(rows.filter(({ passed }) => passed > 0)).toEqual([]);
  const looks = Object.fromEntries(rows.map(({ scenario, looks }) => [scenario, looks]));
  // 200 requests of a canary with 5 of 100 a second take three looks.
  expect(looks['answers only 500']).toBeLessThanOrEqual(3);
  expect(looks['5 times as slow, allowed 1.5 ×']).toBeLessThanOrEqual(3);
  expect(looks['disagreement 0.2, allowed 0.05']).toBeLessThanOrEqual(2);
});
