/** A canary, over one long-lived connection: each split is met, at once and without a lost request. */
import { expect, it } from 'vitest';
import { shares } from '../../laptop/load.ts';
import { Crowd, deviation } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';

it('gets its share of one connection, and a changed one as soon as the status says so', async () => {
  // v1 stays, or its pod would close the connection.
  const spec = { retireAfter: '10m' };
  await using digits = await Digits.served('shares', { v1: 90, v2: 10 }, spec);
  await using users = await Crowd.of(digits, { callers: 1 });
  for (const [v1, v2, said] of [
    [90, 10, 'v1:90 v2:10'],
    [50, 50, 'v1:50 v2:50'],
    [0, 100, 'v2:100'],
  ] as const) {
    await digits.apply({ v1, v2 }, spec);
    await digits.serves(said);
    const answered = await users.answered(5_000);
    expect(deviation(answered, { v1, v2 }), JSON.stringify(shares(answered))).toBeLessThan(5);
  }
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
  expect(users.connections).toBe(1);
});
