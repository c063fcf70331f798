/** A short history that is hit at each moment, and two operators of which one is cut off. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyCut, runCut } from '../../faults/cuts.ts';
import type { EndState } from '../../faults/end-state.ts';
import { referenceEnd } from '../../faults/history.ts';
import { inParallel } from '../../faults/pool.ts';
import { SHORT_HISTORY } from '../../faults/scenario.ts';
import { runTakeOver } from '../../faults/take-over.ts';
import { openWorld } from './world.ts';

const AT_A_TIME = 8;

let world: Awaited<ReturnType<typeof openWorld>>;
let expected: EndState;

beforeAll(async () => {
  world = await openWorld('moment');
  expected = await referenceEnd(world, 'reference', SHORT_HISTORY);
}, 300_000);

afterAll(() => world[Symbol.asyncDispose]());

describe('whatever the moment, the end is the same', () => {
  it('each request is cut once', async () => {
    const cuts = await everyCut(world);
    expect(cuts.length).toBeGreaterThan(40);
    const results = await inParallel(cuts, AT_A_TIME, (cut) => runCut(world, cut, expected));
    const failed = results.filter(({ wrong }) => wrong.length > 0);
    const told = failed.map(({ where, what, wrong }) => `${where} of ${what}: ${wrong}`);
    expect(told, failed[0]?.told).toEqual([]);
    // How often a status is written, or a pod is told, depends on who was fast.
    const certain = results.filter(({ what }) => /^apply (?!modeldeployments\/status)/.test(what));
    expect(certain.filter(({ made }) => !made).map(({ what, nth }) => `${what}, number ${nth}`)).toEqual([]);
  }, 600_000);
});

describe('a leader whose network is cut', () => {
  it('is followed by the other, and writes nothing more', async () => {
    const { cutInTime, lateWrites, lateAttempts, ledAgain, wrong, told } = await runTakeOver(world, expected);
    expect(cutInTime, told).toBe(true);
    expect(lateWrites, told).toEqual([]);
    expect(lateAttempts, told).toEqual([]);
    expect(ledAgain, told).toBe(false);
    expect(wrong, told).toEqual([]);
  }, 240_000);
});
