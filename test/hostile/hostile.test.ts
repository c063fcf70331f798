/** A short campaign at every `npm test`; `npm run test:hostile` runs the long one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomOf } from '../runtime/random.ts';
import { ATTACKS } from './attacks.ts';
import { campaign } from './campaign.ts';
import { startVictim, type Victim } from './victim.ts';

const SEED = 20_261_121;

let victim: Victim;

beforeAll(async () => {
  victim = await startVictim();
});
afterAll(async () => {
  expect(await victim.stop()).toBe(0);
});

describe('attacks that ended other servers', () => {
  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))('%s', async (_name, attack) => {
    for (const status of await attack.run(victim)) expect(attack.expected).toContain(status);
    expect(victim.ended()).toBeUndefined();
  });
});

test('4,000 mutated requests: none ends it, none is answered with what nobody foresaw', async () => {
  const outcomes = await campaign(victim, { mutations: 4_000, random: randomOf(SEED) });
  expect(outcomes.wrong).toEqual([]);
  expect(victim.ended()).toBeUndefined();
  // The campaign reaches what it means to: answers of every kind, over both protocols.
  for (const outcome of ['http 200', 'http 400', 'grpc 0', 'grpc 3']) {
    expect(outcomes.counts.get(outcome), outcome).toBeGreaterThan(0);
  }
});
