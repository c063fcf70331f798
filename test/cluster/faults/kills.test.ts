/** An operator that is killed right after each write, as `kill -9` does. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EndState } from '../../faults/end-state.ts';
import { referenceEnd } from '../../faults/history.ts';
import { runKills } from '../../faults/kills.ts';
import { SHORT_HISTORY } from '../../faults/scenario.ts';
import { openWorld } from './world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let expected: EndState;

beforeAll(async () => {
  world = await openWorld('kills');
  expected = await referenceEnd(world, 'reference', SHORT_HISTORY);
}, 300_000);

afterAll(() => world[Symbol.asyncDispose]());

it('the operator is killed after each write, and ends where it would have ended', async () => {
  const { kills, wrong, told } = await runKills(world, expected);
  expect(wrong, told).toEqual([]);
  expect(kills.length).toBeGreaterThan(8);
  expect(kills).toContain('apply modeldeployments/status digits');
}, 400_000);
