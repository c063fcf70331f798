/** What must be there before a share is given, and for a rollback. */
import { describe, expect, test } from 'vitest';
import type { RolloutStatus } from '../../../core/rollout/model.ts';
import { ANALYSIS, MINUTE, OTHER_SIGNATURE, RETIRE_AFTER, SIGNATURE, type Spec, settings } from './build.ts';
import { expectAtRest, World } from './world.ts';

const THREE = settings([[5], [25, 5 * MINUTE], [50, 0, 'approval']]);
const ONE = settings([[10, MINUTE]], { analysis: ANALYSIS });
const V1 = { v1: 100 };
const V2 = { v2: 100 };

/** v1 has served for long; v2 is asked for. */
function walking(rollout = THREE, more: Partial<Spec> = {}): World {
  return World.serving(V1, more).edit({ shares: V2, rollout });
}

const where = ({ state }: World) => [state?.phase, state?.reason, state?.step];

describe('before a share is given', () => {
  test.each<[string, World['natures'][string], RolloutStatus['reason'], RegExp]>([
    [
      'does not load',
      { failure: { code: 'LOAD_FAILED', message: 'no model' } },
      'VersionFailed',
      /^v2: LOAD_FAILED: no model; back to v1 100%$/,
    ],
    [
      'has other inputs',
      { signature: OTHER_SIGNATURE },
      'SignatureChanged',
      /^v2: input 'image': FP32 \[-1,64\] became FP32 \[-1,784\]; back/,
    ],
    [
      'exits three times',
      { exits: 3, lastExit: 'signal 9' },
      'VersionRestarts',
      /^v2 exited 3 times since the rollout began, last: signal 9; back/,
    ],
  ])('a version that %s is taken back, and never had any', (_, nature, reason, message) => {
    const world = walking(THREE);
    world.pass();
    world.natures.v2 = nature;
    world.watch = (_before, _out, next) =>
      expect(next.table?.versions.find((v) => v.name === 'v2')?.share ?? 0).toBe(0);
    world.calm();
    expect(world.state).toMatchObject({ phase: 'RolledBack', reason, message: expect.stringMatching(message) });
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v1']);
  });

  test('exits from before the walk are no news; two are not three', () => {
    const world = World.serving({ v1: 90, v2: 10 });
    world.natures.v2 = { exits: 7 };
    world.edit({ shares: V2, rollout: ONE }).calm();
    world.natures.v2 = { exits: 9 };
    world.calm();
    expect(world.state?.phase).toBe('Progressing');
    world.natures.v2 = { exits: 10 };
    world.calm();
    expect(world.state?.reason).toBe('VersionRestarts');
  });

  test('exits that are counted anew count from there', () => {
    const world = World.serving({ v1: 90, v2: 10 });
    world.natures.v2 = { exits: 7 };
    world.edit({ shares: V2, rollout: ONE }).calm();
    world.natures.v2 = { exits: 0 };
    world.calm();
    world.natures.v2 = { exits: 3 };
    world.calm();
    expect(world.state?.reason).toBe('VersionRestarts');
  });

  test('a version that is not ready in its time is taken back', () => {
    const world = walking(THREE);
    world.pass();
    expect(world.last?.wakeAt).toBe(world.now + 10 * MINUTE);
    world.after(10 * MINUTE - 1).pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
    world.after(1).pass();
    expect(where(world)).toEqual(['RolledBack', 'ProgressDeadlineExceeded', 0]);
    expect(world.state?.message).toBe(
      'not ready within 10m of step 1 of 3 (v1 95%, v2 5%): v2 is not ready; back to v1 100%',
    );
  });

  test('with signature Any other inputs are no matter', () => {
    const world = walking({ ...THREE, signature: 'Any' });
    world.natures.v2 = { signature: OTHER_SIGNATURE };
    world.calm();
    expect(world.split).toEqual({ v1: 75, v2: 25 });
  });

  test.each(['v1', 'v2'])('while %s has not told its inputs nothing is given, and it is said', (name) => {
    const world = walking(THREE);
    world.natures[name] = { signature: 'unknown' };
    world.calm();
    expect([world.split, world.state?.reason]).toEqual([V1, 'WaitingForCapacity']);
    expect(world.last?.waiting[0]).toMatch(new RegExp(`no process of ${name} has told its inputs and outputs yet`));
    world.natures[name] = { signature: SIGNATURE };
    world.calm();
    expect(world.split).toEqual({ v1: 75, v2: 25 });
  });

  test('a stable version that stays silent is not the fault of the new one', () => {
    const world = walking(THREE);
    world.natures.v1 = { signature: 'unknown' };
    world
      .calm()
      .after(60 * MINUTE)
      .calm();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
  });
});

describe('capacity', () => {
  const elastic = { v1: { min: 2, max: 20 }, v2: { min: 1, max: 20 } };

  function scaled(): World {
    const world = World.serving(V1, { elastic });
    world.running.set('v1', { size: 10, ready: 10 });
    return world.edit({
      shares: V2,
      rollout: settings([
        [5, MINUTE],
        [25, MINUTE],
        [50, MINUTE],
      ]),
    });
  }

  test('of each step is asked for while the one before it holds, and the old version keeps its own', () => {
    const world = scaled();
    world.pass();
    expect(world.sizes).toEqual({ v1: 10, v2: 1 });
    const seen: unknown[] = [];
    for (let step = 0; step < 4; step++) {
      world.calm();
      seen.push([world.split.v2, world.sizes.v2, world.sizes.v1]);
      world.after(MINUTE);
    }
    expect(seen).toEqual([
      [5, 3, 10],
      [25, 5, 10],
      [50, 10, 10],
      [100, 10, 10],
    ]);
    world.untilRest();
    expect(world.sizes).toEqual({ v2: 1 });
  });

  test('is ready before the share is given', () => {
    const world = scaled().calm().after(MINUTE);
    world.running.set('v2', { size: 3, ready: 2 });
    world.pass();
    expect(world.split).toEqual({ v1: 95, v2: 5 });
    expect(world.last?.waiting).toEqual(['step 2 of 3 (v1 75%, v2 25%): v2 has 2 of 3 replicas ready']);
    world.ready('v2').pass();
    expect(world.split).toEqual({ v1: 75, v2: 25 });
  });

  test('never exceeds what the autoscaler may have', () => {
    const world = World.serving(V1, { elastic: { v1: { min: 2, max: 20 }, v2: { min: 1, max: 4 } } });
    world.running.set('v1', { size: 10, ready: 10 });
    world.edit({ shares: V2, rollout: settings([[50, MINUTE]]) }).calm();
    expect(world.sizes.v2).toBe(4);
  });

  test('is measured by those who lose: what grows for its share is no measure of it', () => {
    const world = World.serving({ v1: 50, v2: 50 }, { elastic });
    world.running.set('v1', { size: 5, ready: 5 }).set('v2', { size: 5, ready: 5 });
    world.edit({ shares: V1, rollout: settings([[20, MINUTE]]) }).calm();
    expect(world.sizes).toEqual({ v1: 10, v2: 5 });
    expectAtRest(world);
  });

  test('a rollback waits for none: one ready replica takes its share back', () => {
    const world = scaled().calm();
    world.running.set('v1', { size: 10, ready: 1 });
    world.natures.v2 = { failure: { code: 'X', message: 'gone' } };
    world.pass();
    expect([world.split, world.sizes.v1]).toEqual([V1, 10]);
  });

  test('a rollback that has to wait for the old version keeps its size', () => {
    const world = scaled()
      .calm()
      .after(RETIRE_AFTER + 1)
      .calm();
    world.running.set('v1', { size: 10, ready: 0 });
    world.natures.v2 = { failure: { code: 'X', message: 'gone' } };
    world.pass();
    expect([world.state?.phase, world.split.v2, world.sizes.v1]).toEqual(['RolledBack', 5, 10]);
    expect(world.last?.waiting).toEqual(['going back to v1 100%']);
    world.calm();
    expect(world.split).toEqual(V1);
  });

  test('in a rollback another stands in for the version that is down', () => {
    const world = World.serving({ v1: 60, v2: 40 })
      .edit({ shares: { v3: 100 }, rollout: settings([[50, MINUTE]]) })
      .calm();
    expect(world.split).toEqual({ v1: 30, v2: 20, v3: 50 });
    world.running.set('v2', { size: 1, ready: 0 });
    world.natures.v3 = { exits: 3 };
    world.pass();
    expect(world.split).toEqual({ v1: 80, v2: 20 });
    world.calm();
    expect(world.split).toEqual({ v1: 60, v2: 40 });
  });

  test('an abort when all is over grows what has shrunk before it gives it anything', () => {
    const world = World.serving(V1, { elastic });
    world.running.set('v1', { size: 10, ready: 10 });
    world.edit({ shares: { v1: 0, v2: 100 }, rollout: settings([[50]]) }).untilRest();
    expect([world.split, world.sizes.v1]).toEqual([V2, 2]);
    world.running.set('v2', { size: 8, ready: 8 });
    world.say('abort').pass();
    expect([world.split, world.sizes.v1]).toEqual([V2, 8]);
    world.calm();
    expect([world.split, world.state?.phase]).toEqual([V1, 'Aborted']);
  });
});
