/** The supervisor as the hand of the rollout engine: what it starts, stores, tells and takes back. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Rollout } from '../../api/rollout.ts';
import type { FakeProcess } from './fake-process.ts';
import { World } from './world.ts';

let world: World;
afterEach(() => world.remove());

const STEPS: Rollout = {
  steps: [
    { traffic: 20, hold: '10s' },
    { traffic: 50, approval: 'required' },
  ],
};
const spec = (rollout: Rollout = STEPS) => ({ rollout, retireAfter: '1s' });

/** v1 serves, and the file says v2 from now on. */
async function walking(rollout: Rollout = STEPS): Promise<World> {
  world = await World.serving({ v1: 100 }, spec(rollout));
  await world.edit({ v2: 100 }, spec(rollout));
  return world;
}

/** The first step is in force. */
async function atFirstStep(rollout: Rollout = STEPS): Promise<World> {
  await walking(rollout);
  world.newest('v2').becomeReady();
  await world.everybodyReads();
  return world;
}

const kept = () => JSON.parse(readFileSync(join(world.folder, 'digits/accepted.json'), 'utf8'));
const rollout = () => world.view().rollout;
const order = (command: string) => `${command}/${rollout()?.id}/${rollout()?.step}/2026-01-01T00:00:00Z`;

describe('a walk', () => {
  test('goes from step to step, and the version that the file lists no more serves until its end', async () => {
    await walking();
    expect([world.shares, world.running]).toEqual([{ v1: 100, v2: 0 }, ['v1', 'v2']]);
    expect(world.view()).toMatchObject({ phase: 'Moving', waiting: [expect.stringMatching(/v2 is not ready/)] });
    world.newest('v2').becomeReady();
    await world.everybodyReads();
    expect(world.shares).toEqual({ v1: 80, v2: 20 });
    await world.clock.advance(9_900);
    expect(world.shares).toEqual({ v1: 80, v2: 20 });
    await world.clock.advance(200);
    await world.everybodyReads();
    expect([world.shares, rollout()?.reason]).toEqual([{ v1: 50, v2: 50 }, 'ApprovalRequired']);
    world.command(order('approve'));
    await world.beat();
    await world.everybodyReads();
    expect([world.shares, rollout()?.phase, world.accepting]).toEqual([{ v2: 100 }, 'Completed', ['v2']]);
    await world.clock.advance(1_000);
    expect(world.newest('v1').state).toBe('draining');
    expect(world.events.map(({ type }) => type).filter((type) => type.startsWith('rollout'))).toEqual([
      'rollout-started',
      'rollout-step',
      'rollout-step',
      'rollout-paused',
      'rollout-resumed',
      'rollout-completed',
    ]);
    expect(world.said('rollout-step')).toEqual([
      'step 1 of 2 is in force: v1 80%, v2 20%',
      'step 2 of 2 is in force: v1 50%, v2 50%',
    ]);
  });

  test('is in the state folder before the table moves: what cannot be stored is not done', async () => {
    await atFirstStep();
    const full = join(world.folder, 'digits/accepted.json.next');
    mkdirSync(full);
    await world.clock.advance(11_000);
    expect(world.shares).toEqual({ v1: 80, v2: 20 });
    expect(world.said('split-waiting').at(-1)).toMatch(/trying again$/);
    rmdirSync(full);
    await world.clock.advance(1_000);
    expect([world.shares, kept().rollout.step]).toEqual([{ v1: 50, v2: 50 }, 1]);
  });

  test('is what a version view speaks of: wanted in the end, wanted now, and served', async () => {
    await atFirstStep();
    expect(world.view()).toMatchObject({
      rollout: { phase: 'Progressing', reason: 'Holding', step: 0, steps: 2 },
      rolloutSpec: STEPS,
      versions: [
        { name: 'v2', wanted: 100, goal: 20, share: 20, phase: 'Ready' },
        { name: 'v1', wanted: 0, goal: 80, share: 80, phase: 'Ready', entry: true },
      ],
    });
  });

  test('that ends leaves nothing of the old version in the state folder', async () => {
    await atFirstStep({ steps: [{ traffic: 20 }] });
    await world.everybodyReads();
    await world.clock.advance(1_000);
    world.newest('v1').finishDraining();
    await world.pass();
    expect(kept().versions.map(({ name }: { name: string }) => name)).toEqual(['v2']);
  });
});

describe('a restart', () => {
  test('resumes the walk at its step, with a version that only the state folder knows', async () => {
    await atFirstStep();
    const { id } = rollout() ?? {};
    const uri = world.newest('v1').launch.uri;
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    expect(again.running.sort()).toEqual(['v1', 'v2']);
    expect(again.newest('v1').launch.uri).toBe(uri);
    again.newest('v2').becomeReady();
    again.newest('v1').becomeReady();
    await again.everybodyReads();
    expect([again.shares, again.accepting]).toEqual([{ v1: 80, v2: 20 }, ['v1']]);
    expect(again.view().rollout).toMatchObject({ id, step: 0 });
    expect(again.said('rollout-started')).toEqual([]);
  });

  test('before the first step gives the new version nothing until it has passed the gates, whoever is ready first', async () => {
    await walking();
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    const v2 = again.newest('v2');
    v2.signature = { ...v2.signature, inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 8, 8] }] };
    v2.becomeReady();
    await again.everybodyReads();
    expect([again.shares, again.accepting]).toEqual([{}, []]);
    again.newest('v1').becomeReady();
    expect(again.shares.v2 ?? 0).toBe(0);
    await again.everybodyReads();
    expect(again.view().rollout).toMatchObject({ phase: 'RolledBack', reason: 'SignatureChanged' });
    expect([again.shares.v1, again.said('traffic-moved').filter((said) => /v2 [1-9]/.test(said))]).toEqual([100, []]);
  });

  test('at a step: the new version does not stand in for the old one that is still loading, only for one that fails', async () => {
    await atFirstStep();
    await world.everybodyReads();
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    again.newest('v2').becomeReady();
    await again.everybodyReads();
    expect([again.shares, again.accepting]).toEqual([{}, []]);
    again.newest('v1').crash('ended by SIGKILL');
    await again.pass();
    expect([again.shares.v2, again.accepting]).toEqual([100, ['v2']]);
  });

  test('between an edit and its walk walks all the same', async () => {
    world = await World.serving({ v1: 100 }, spec());
    const file = join(world.folder, 'digits/accepted.json');
    await world.edit({ v2: 100 }, spec());
    const { versions, split } = kept();
    expect(versions).toContainEqual(expect.objectContaining({ name: 'v1', dropped: true }));
    writeFileSync(file, JSON.stringify({ versions, split }));
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    expect([again.running.sort(), again.view().rollout?.steps]).toEqual([['v1', 'v2'], 2]);
  });

  test('with another version in the file walks to it from what was served', async () => {
    world = await World.serving({ v1: 100 }, spec());
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    expect(again.running.sort()).toEqual(['v1', 'v2']);
    again.newest('v2').becomeReady();
    again.newest('v1').becomeReady();
    await again.everybodyReads();
    expect([again.shares, again.accepting]).toEqual([{ v1: 80, v2: 20 }, ['v1']]);
    expect(again.view().rollout).toMatchObject({ phase: 'Progressing', from: { v1: 10_000 }, steps: 2 });
  });

  test('where what was served does not load any more, the new version serves', async () => {
    world = await World.serving({ v1: 100 }, spec());
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    again.newest('v2').becomeReady();
    await failsToLoad('v1', 'MODEL_NOT_THERE', 2, again);
    await again.everybodyReads();
    expect([again.shares.v2, again.accepting]).toEqual([100, ['v2']]);
  });

  test('after a rollback serves what it went back to, and starts no version that was taken back', async () => {
    await walking();
    await failsToLoad('v2', 'MODEL_CORRUPT', 2);
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.pass();
    expect(again.running).toEqual(['v1']);
    again.newest('v1').becomeReady();
    await again.everybodyReads();
    expect(again.shares).toMatchObject({ v1: 100 });
    expect(again.view().versions).toMatchObject([{ name: 'v2', phase: 'Withdrawn' }, { name: 'v1' }]);
  });

  test('refuses a name that a walk still needs for another model', async () => {
    await atFirstStep();
    const again = new World({ v2: 100 }, spec(), world.folder);
    const other = structuredClone(again.supervisor.document);
    other.spec.versions.push({ name: 'v1', model: { uri: 'models/other.onnx' }, traffic: 0 });
    expect(() => again.supervisor.accept(other, 'test.yaml')).toThrow(/v1 was .* and has not retired yet/);
  });
});

/** Loads of it fail, one after the other. */
async function failsToLoad(version: string, code: string, times: number, of = world): Promise<void> {
  for (let i = 0; i < times; i++) {
    of.newest(version).crash(`${code}: the reason`, code);
    await of.clock.advance(30_000);
  }
}

describe('a version that is worse', () => {
  test('does not load, twice with the same code: it is taken back, stopped, and started again by a retry', async () => {
    await walking();
    await failsToLoad('v2', 'MODEL_CORRUPT', 1);
    expect(rollout()?.phase).toBe('Progressing');
    await failsToLoad('v2', 'MODEL_CORRUPT', 1);
    expect(world.said('rollout-rolled-back')).toEqual(['v2: MODEL_CORRUPT: the reason; back to v1 100%']);
    await world.everybodyReads();
    await world.clock.advance(1_000);
    expect(world.running).toEqual(['v1']);
    expect(world.view()).toMatchObject({ phase: 'Serving', versions: [{ name: 'v2', phase: 'Withdrawn' }, {}] });
    const { id } = rollout() ?? {};
    world.command(order('retry'));
    await world.beat();
    expect(rollout()?.id).not.toBe(id);
    expect(world.running).toEqual(['v1', 'v2']);
    world.newest('v2').becomeReady();
    await world.everybodyReads();
    expect(world.shares).toEqual({ v1: 80, v2: 20 });
  });

  test.each(['MODEL_UNREACHABLE', 'INTERNAL'])('may come up later after %s, and is waited for', async (code) => {
    await walking();
    await failsToLoad('v2', code, 5);
    expect(rollout()).toMatchObject({ phase: 'Progressing', reason: 'WaitingForCapacity' });
  });

  test('ends again and again: it is taken back with its last words', async () => {
    await atFirstStep();
    for (let i = 0; i < 3; i++) {
      world.newest('v2').crash('ended by SIGSEGV');
      await world.clock.advance(2_500);
      if (world.newest('v2').state === 'starting') world.newest('v2').becomeReady();
      await world.everybodyReads();
    }
    expect(rollout()).toMatchObject({ phase: 'RolledBack', reason: 'VersionRestarts' });
    expect(rollout()?.message).toMatch(/^v2 exited 3 times .* last: ended by SIGSEGV/);
    expect(world.shares).toMatchObject({ v1: 100 });
  });

  test('takes other inputs: it gets nothing', async () => {
    await walking();
    const v2 = world.newest('v2');
    v2.signature = { ...v2.signature, inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 8, 8] }] };
    v2.becomeReady();
    await world.everybodyReads();
    expect(rollout()).toMatchObject({ phase: 'RolledBack', reason: 'SignatureChanged' });
    expect(world.shares).toMatchObject({ v1: 100 });
  });
});

describe('the evidence', () => {
  const check: Rollout = {
    steps: [{ traffic: 20 }],
    analysis: { interval: '1s', minSamples: 100, checks: [{ metric: 'error-rate', max: 0.05 }] },
  };
  /** Counts grow with each beat. */
  async function answering(process: FakeProcess, each: { answered: number; errors?: number }, beats: number) {
    for (let beat = 1; beat <= beats; beat++) {
      process.counts({ answered: each.answered * beat, errors: (each.errors ?? 0) * beat });
      await world.beats(500);
    }
  }

  test('is what processes report: a version that answers well goes on', async () => {
    await atFirstStep(check);
    await answering(world.newest('v2'), { answered: 50 }, 10);
    await world.everybodyReads();
    expect(rollout()).toMatchObject({ phase: 'Completed', reason: 'StepsDone', checks: [{ name: 'error-rate' }] });
  });

  test('takes a version back, with numbers', async () => {
    await atFirstStep(check);
    await answering(world.newest('v2'), { answered: 50, errors: 20 }, 10);
    await world.everybodyReads();
    expect(rollout()).toMatchObject({ phase: 'RolledBack', reason: 'CheckFailed' });
    expect(rollout()?.message).toMatch(/^v2: error-rate 0\.4 over [\d,]+ requests/);
  });

  test('that nobody gives is none: the walk waits', async () => {
    await atFirstStep(check);
    world.newest('v2').reports = false;
    world.newest('v1').reports = false;
    await world.beats(10_000);
    expect(rollout()).toMatchObject({ phase: 'Progressing', reason: 'Analyzing' });
  });

  test('asks for metrics by name while a window is open, and only then', async () => {
    const custom: Rollout = {
      steps: [{ traffic: 20 }],
      analysis: { interval: '1s', checks: [{ custom: 'my_gauge', max: 1 }] },
    };
    await walking(custom);
    await world.beat();
    expect(world.newest('v1').custom).toEqual([]);
    world.newest('v2').becomeReady();
    await world.everybodyReads();
    await world.beat();
    expect(world.newest('v2').custom).toEqual(['my_gauge']);
  });

  test('of a Prometheus is asked in the background, with the walk filled in', async () => {
    const query = 'rate(errors{version="{{canary}}"}[{{window}}])';
    const asked: string[] = [];
    const prometheus: Rollout = {
      steps: [{ traffic: 20 }],
      analysis: { interval: '2s', checks: [{ prometheus: query, max: 0.5 }] },
    };
    world = new World({ v1: 100 }, spec(prometheus), undefined, async (promql) => {
      asked.push(promql);
      return { ok: true, value: 0.25 };
    });
    await world.pass();
    world.newest('v1').becomeReady();
    await world.everybodyReads();
    await world.edit({ v2: 100 }, spec(prometheus));
    world.newest('v2').becomeReady();
    await world.everybodyReads();
    await answering(world.newest('v2'), { answered: 50 }, 16);
    await world.everybodyReads();
    expect(rollout()).toMatchObject({ phase: 'Completed' });
    expect(asked[0]).toBe('rate(errors{version="v2"}[60s])');
    expect(asked.length).toBeLessThanOrEqual(8);
  });
});

describe('a command', () => {
  test('that is none is said once; so is one of another walk, or one that means nothing', async () => {
    await atFirstStep();
    for (const text of ['go on', 'abort/other/0/now', order('resume')]) {
      world.command(text);
      await world.beats(1_000);
    }
    expect(world.said('rollout-command-ignored')).toEqual([
      expect.stringMatching(/"go on": expected COMMAND/),
      expect.stringMatching(/^abort\/other\/0\/now: the rollout is .*, not other; nothing was done$/),
      expect.stringMatching(/^resume\/.*: it is Progressing \(Holding\), at step 0, where that means nothing/),
    ]);
    expect(world.shares).toEqual({ v1: 80, v2: 20 });
  });

  test('is honoured once, also over a restart', async () => {
    await atFirstStep();
    world.command(order('pause'));
    await world.beat();
    expect(rollout()).toMatchObject({ phase: 'Paused', reason: 'PauseRequested' });
    world.command(order('resume'));
    await world.beat();
    expect(world.said('rollout-resumed')).toEqual(['goes on']);
    const again = new World({ v2: 100 }, spec(), world.folder);
    await again.beat();
    expect(again.said('rollout-command-ignored')).toEqual([]);
    expect(again.view().rollout?.phase).toBe('Progressing');
  });

  test('brings back a version that is on its way out: it is started again when it has ended', async () => {
    await atFirstStep({ steps: [{ traffic: 20 }] });
    await world.everybodyReads();
    await world.clock.advance(1_000);
    expect([rollout()?.phase, world.newest('v1').state]).toEqual(['Completed', 'draining']);
    world.command(`abort/${rollout()?.id}/1/2026-01-01T00:00:00Z`);
    await world.beat();
    expect(rollout()?.phase).toBe('Aborted');
    world.newest('v1').finishDraining();
    await world.pass();
    world.newest('v1').becomeReady();
    await world.everybodyReads();
    expect(world.shares).toMatchObject({ v1: 100 });
  });
});
