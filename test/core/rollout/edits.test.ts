/** What is edited in the middle of a walk: by its owner, and by other hands. */
import { describe, expect, test } from 'vitest';
import { firstMemory } from '../../../core/model.ts';
import { decidesAnew, type RolloutStatus } from '../../../core/rollout/model.ts';
import { atStep, STEPS, TEN, V1, V2, where } from './at-step.ts';
import { ANALYSIS, MINUTE, reread, settings } from './build.ts';
import { expectAtRest, World } from './world.ts';

describe('edits', () => {
  test('another target in the middle walks on from what is served', () => {
    const world = atStep();
    const { id } = world.state as RolloutStatus;
    world.edit({ shares: { v3: 100 } }).calm();
    expect(world.state).toMatchObject({ from: { v1: 9000, v2: 1000 }, to: { v3: 10_000 }, stable: 'v1', step: 0 });
    expect(world.state?.id).not.toBe(id);
    expect(world.split).toEqual({ v1: 81, v2: 9, v3: 10 });
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v3']);
  });

  test('the stable version stays the one that it was, also where the canary has more', () => {
    const world = atStep(settings([[80, MINUTE]]));
    world.edit({ shares: { v3: 100 } }).calm();
    expect(world.state).toMatchObject({ from: { v1: 2000, v2: 8000 }, stable: 'v1' });
    expect(world.table?.primary).toBe('v1');
  });

  test('the old split in the middle is a revert: at once, without steps', () => {
    const world = atStep();
    world.edit({ shares: V1 }).pass();
    expect(world.split).toEqual(V1);
    expect(world.state).toMatchObject({ revert: true, phase: 'Progressing', steps: 0 });
    world.calm();
    expect(where(world)).toEqual(['Completed', 'Reverted', 0]);
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v1']);
  });

  test('a revert does not fail: what it goes back to is waited for', () => {
    const world = atStep();
    world.running.set('v1', { size: 1, ready: 0 });
    world.natures.v1 = { failure: { code: 'X', message: 'gone' }, exits: 9 };
    world.edit({ shares: V1 }).pass();
    world.after(60 * MINUTE).pass();
    expect(world.state).toMatchObject({ phase: 'Progressing', revert: true });
    delete world.natures.v1;
    world.calm();
    expect([world.split, world.state?.reason]).toEqual([V1, 'Reverted']);
  });

  test('the old split after the end is a revert, while what there was exists', () => {
    const world = atStep();
    for (let step = 0; step < 2; step++) world.after(MINUTE).calm();
    world.edit({ shares: V1 }).calm();
    expect([world.split, where(world)]).toEqual([V1, ['Completed', 'Reverted', 0]]);
  });

  test('a name that has retired may stand for another model: it is walked to', () => {
    const world = atStep().untilRest();
    world.edit({ shares: V1 }).calm();
    expect(world.state).toMatchObject({ phase: 'Progressing', steps: 2 });
    expect(world.split).toEqual({ v1: 10, v2: 90 });
  });

  test('a name that came back after it had retired proves nothing: it is walked to, and not aborted to', () => {
    const world = atStep().untilRest();
    world.edit({ shares: { v2: 100, v1: 0 } }).calm();
    expect(world.state).toMatchObject({ phase: 'Completed', retired: true });
    world.say('abort').calm();
    expect(world.split).toEqual(V2);
    world.edit({ shares: { v2: 0, v1: 100 } }).calm();
    expect(world.state).toMatchObject({ phase: 'Progressing', steps: 2 });
    expect(world.split).toEqual({ v1: 10, v2: 90 });
  });

  test('the very target that was served before is a revert also when it has retired', () => {
    const world = atStep().untilRest();
    world.edit({ shares: { v3: 100 } }).untilRest();
    expect([...world.running.keys()]).toEqual(['v3']);
    world.edit({ shares: V2 }).calm();
    expect([world.split, where(world)]).toEqual([V2, ['Completed', 'Reverted', 0]]);
  });

  test('what was reverted is walked to again, not gone back to', () => {
    const world = atStep();
    world.edit({ shares: V1 }).calm();
    world.edit({ shares: V2 }).calm();
    expect([world.split, world.state?.steps]).toEqual([TEN, 2]);
  });

  test('after a rollback the old split is the end of it', () => {
    const world = atStep();
    world.natures.v2 = { exits: 3 };
    world.untilRest();
    expect(world.state?.phase).toBe('RolledBack');
    world.edit({ shares: V1 }).untilRest();
    expect([world.split, where(world)]).toEqual([V1, ['Completed', 'Reverted', 0]]);
  });

  test('after a rollback another target is walked to', () => {
    const world = atStep();
    world.natures.v2 = { exits: 3 };
    world.untilRest();
    world.edit({ note: 'mended' }).calm();
    expect([world.split, where(world)]).toEqual([TEN, ['Progressing', 'Holding', 0]]);
  });

  test('other checks in the middle go on with the same walk, measured anew', () => {
    const world = atStep({ ...STEPS, analysis: ANALYSIS });
    const { id, target } = world.state as RolloutStatus;
    world.after(MINUTE - 1).edit({ note: 'stricter' });
    world.calm();
    expect(world.state).toMatchObject({ id, step: 0, window: 1, reason: 'Holding' });
    expect(world.state?.target).not.toBe(target);
    world.after(MINUTE - 1).calm();
    expect(world.split).toEqual(TEN);
  });

  test('an edit of what failed is another try where onFailure pauses', () => {
    const world = atStep({ ...STEPS, onFailure: 'Pause' });
    world.natures.v2 = { exits: 3 };
    world.calm();
    expect(where(world)).toEqual(['Paused', 'VersionRestarts', 0]);
    world.edit({ note: 'more memory' }).calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
  });

  test('a version that is taken off the list serves on until the walk ends', () => {
    const world = World.serving({ v1: 70, v2: 30 })
      .edit({ shares: { v3: 100 }, rollout: STEPS })
      .calm();
    expect(world.split).toEqual({ v1: 63, v2: 27, v3: 10 });
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v3']);
  });

  test('a share that rounds to nothing retires nobody before the end', () => {
    const world = World.serving({ v1: 99.99, v2: 0.01 }).edit({
      shares: { v3: 100 },
      rollout: settings([[60, MINUTE]]),
    });
    world.calm();
    expect(world.split.v2).toBeUndefined();
    world.after(MINUTE - 1).calm();
    expect([...world.running.keys()].sort()).toEqual(['v1', 'v2', 'v3']);
    world.say('abort').calm();
    expect(world.split).toEqual({ v1: 99.99, v2: 0.01 });
  });

  test('without rollout in the spec the stated split takes effect', () => {
    const world = atStep();
    world.edit({ rollout: undefined }).calm();
    expect([world.split, where(world)]).toEqual([V2, ['Completed', 'Promoted', 0]]);
  });

  test.each<[string, World['natures'][string]]>([
    ['under way', {}],
    ['rolled back', { exits: 3 }],
  ])('a rollout that was %s, was taken out of the spec and comes again walks again', (_, nature) => {
    const world = atStep();
    world.natures.v2 = nature;
    world.calm();
    world.edit({ shares: { v1: 100, v2: 0 }, rollout: undefined }).calm();
    expect(world.split).toEqual(V1);
    delete world.natures.v2;
    world.edit({ shares: { v1: 0, v2: 100 }, rollout: STEPS }).calm();
    expect([world.split, world.state?.phase]).toEqual([TEN, 'Progressing']);
  });

  test.each<[string, Parameters<typeof settings>[0], Record<string, number>]>([
    ['one more below', [[5], [10, MINUTE], [50, MINUTE]], TEN],
    ['the one it stands at taken away', [[50, MINUTE]], { v1: 50, v2: 50 }],
    ['all but a lower one taken away', [[5, MINUTE]], { v1: 95, v2: 5 }],
    [
      'the one it stands at changed',
      [
        [20, MINUTE],
        [50, MINUTE],
      ],
      { v1: 80, v2: 20 },
    ],
  ])('steps edited in the middle, %s: nothing is passed that was not walked', (_, steps, split) => {
    const world = atStep();
    world.edit({ rollout: settings(steps) }).calm();
    expect([world.split, world.state?.reason]).toEqual([split, 'Holding']);
  });
});

test('a lower step taken away does not move the walk past the one it stands at', () => {
  const world = atStep().after(MINUTE).calm();
  expect(world.state?.step).toBe(1);
  world.edit({ rollout: settings([[50, MINUTE]]) }).calm();
  expect([world.split, where(world)]).toEqual([{ v1: 50, v2: 50 }, ['Progressing', 'Holding', 0]]);
});

describe('other hands', () => {
  test('a table that was edited is put back, and the step holds anew', () => {
    const world = atStep({ ...STEPS, analysis: ANALYSIS });
    const edited = World.serving({ v1: 20, v2: 80 }).table as NonNullable<World['table']>;
    world.after(MINUTE / 2);
    world.table = { ...edited, revision: 40 };
    world.inForceTable = world.table;
    world.calm();
    expect([world.split, where(world)]).toEqual([TEN, ['Progressing', 'Holding', 0]]);
    world.after(MINUTE / 2).calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    world.untilRest();
    expect(world.split).toEqual(V2);
  });

  test('what was walked to is put back without a walk', () => {
    const world = atStep({ ...STEPS }, {}).edit({ shares: { v1: 0, v2: 100 } });
    world.untilRest();
    const edited = World.serving({ v1: 80, v2: 20 }).table as NonNullable<World['table']>;
    world.table = { ...edited, revision: 40 };
    world.inForceTable = world.table;
    world.pass();
    expect([world.split, world.state?.phase]).toEqual([V2, 'Completed']);
  });

  test('all is started anew in the middle of a walk: the same step comes into force and holds anew', () => {
    const world = atStep();
    const { id } = world.state as RolloutStatus;
    world.after(MINUTE / 2);
    world.memory = firstMemory(world.table?.versions);
    world.table = undefined;
    world.running.clear();
    world.restart();
    world.pass();
    world.ready('v1').pass();
    expect(world.split).toEqual(V1);
    world.after(20 * MINUTE);
    world.inForce().pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForTraffic', 0]);
    world.ready('v2').pass();
    expect(world.split).toEqual(TEN);
    world.calm();
    expect(world.state).toMatchObject({ id, phase: 'Progressing', reason: 'Holding', step: 0 });
  });

  test('moments that lie ahead begin now', () => {
    const world = atStep();
    world.after(-60 * MINUTE).calm();
    world.after(MINUTE).calm();
    expect(world.split).toEqual({ v1: 50, v2: 50 });
  });

  test('a state whose keys come back in another order is the same state', () => {
    const world = atStep();
    expect(decidesAnew(world.state, reread(world.state))).toBe(false);
    world.restart();
    expectAtRest(world);
  });
});
