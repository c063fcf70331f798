/** The first model: applied, Ready, and answering from inside and from outside, to clients that we did not write too. */
import { beforeAll, expect, it } from 'vitest';
import { clientsPython } from '../../clients/venv.ts';
import { curl, fetchInside, tritonclient, wrongAnswers } from '../harness/clients.ts';
import { Crowd, deviation } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';

beforeAll(async () => void (await clientsPython()), 600_000);

it('is applied, gets Ready, and answers', async () => {
  await using digits = await Digits.open('first'); await digits.apply({ v1: 90, v2: 10 }, {}, { v1: '3' }); await digits.ready();
  for (const answers of [
    await fetchInside(digits),
    await tritonclient(digits, 'http'),
    await tritonclient(digits, 'grpc'),
    await curl(digits),
  ]) {
    expect(answers).toHaveLength(20);
    expect(wrongAnswers(answers)).toEqual([]);
  }
  await using users = await Crowd.of(digits, { callers: 2, total: 1_000 });
  const outcomes = await users.finished();
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
  expect(deviation(outcomes, { v1: 90, v2: 10 })).toBeLessThan(5);
});
