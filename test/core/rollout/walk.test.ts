/** A walk, told by what is served and by what is said. */
import { describe, expect, test } from 'vitest';
import { ANALYSIS, MINUTE, type Spec, settings } from './build.ts';
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

describe('a walk', () => {
  test('goes through its steps: capacity, share, hold, approval, and ends when the last share is in force', () => {
    const world = walking();
    world.pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
    expect(world.last?.waiting).toEqual(['step 1 of 3 (v1 95%, v2 5%): v2 is not ready']);
    expect(world.split).toEqual(V1);
    world.ready('v2').pass();
    expect(world.split).toEqual({ v1: 95, v2: 5 });
    world.pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForTraffic', 0]);
    world.inForce().pass();
    // The first step holds for no time.
    expect(where(world)).toEqual(['Progressing', 'WaitingForTraffic', 1]);
    world.inForce().pass();
    expect(where(world)).toEqual(['Progressing', 'Holding', 1]);
    expect(world.last?.wakeAt).toBe(world.now + 5 * MINUTE);
    expect(world.split).toEqual({ v1: 75, v2: 25 });
    world.after(5 * MINUTE - 1).calm();
    expect(world.split).toEqual({ v1: 75, v2: 25 });
    world.after(1).calm();
    expect(where(world)).toEqual(['Paused', 'ApprovalRequired', 2]);
    expect(world.split).toEqual({ v1: 50, v2: 50 });
    expect(world.state?.message).toBe('step 3 of 3 (v1 50%, v2 50%) waits for approval');
    expectAtRest(world);
    world.say('approve').pass();
    expect(world.table?.primary).toBe('v2');
    expect(where(world)).toEqual(['Progressing', 'WaitingForTraffic', 3]);
    expect([...world.running.keys()]).toContain('v1');
    world.inForce().pass();
    expect(where(world)).toEqual(['Completed', 'StepsDone', 3]);
    expect(world.last?.waiting).toEqual([]);
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v2']);
    expect(world.state?.message).toBe('v2 100% is in force');
  });

  test('an approval may come early, at the same step', () => {
    const world = walking(settings([[50, MINUTE, 'approval']])).calm();
    world.say('approve').calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    world.after(MINUTE).calm();
    expect(world.state?.phase).toBe('Completed');
  });

  test('the stable version is primary until the end, also where the new one has more', () => {
    const world = walking(settings([[80, MINUTE]])).calm();
    expect(world.table?.primary).toBe('v1');
    world.after(MINUTE).calm();
    expect(world.table?.primary).toBe('v2');
  });

  test('steps at or above all that moves are skipped', () => {
    const world = walking(THREE, {})
      .edit({ shares: { v1: 75, v2: 25 } })
      .calm();
    expect(world.state?.steps).toBe(1);
    expect(world.split).toEqual({ v1: 75, v2: 25 });
    expect(world.state?.phase).toBe('Completed');
  });

  test('three versions at once move by their parts', () => {
    const world = World.serving({ v1: 80, v2: 20 }).edit({ shares: { v2: 40, v3: 60 }, rollout: settings([[10, 1]]) });
    world.calm();
    expect(world.split).toEqual({ v1: 70, v2: 22.5, v3: 7.5 });
    expect(world.state?.stable).toBe('v1');
  });

  test('a first deployment has no steps', () => {
    const world = new World({ shares: V2, rollout: THREE }).calm();
    expect([world.state, world.split]).toEqual([undefined, V2]);
    world.restart();
    world.calm();
    expect([world.state, world.split]).toEqual([undefined, V2]);
  });

  test('what is scaled to nothing protects nobody: no steps', () => {
    const world = World.serving(V1).edit({ shares: V2, rollout: ONE, sizes: { v1: 0 } });
    world.running.set('v1', { size: 0, ready: 0 });
    world.pass();
    expect(world.state?.steps).toBe(0);
    world.calm();
    expect([world.split, world.state?.phase]).toEqual([V2, 'Completed']);
  });

  test('a version that comes instead of nothing is waited for as long as it takes', () => {
    const world = World.serving(V1).edit({ shares: V2, rollout: ONE, sizes: { v1: 0 } });
    world.running.set('v1', { size: 0, ready: 0 });
    world.pass();
    world.after(60 * MINUTE).pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
    world.natures.v2 = { failure: { code: 'X', message: 'no model' } };
    world.pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
  });

  test('a stable version that is merely down is walked from as any other', () => {
    const world = World.serving(V1).edit({ shares: V2, rollout: THREE });
    world.running.set('v1', { size: 1, ready: 0 });
    world.pass();
    expect(world.state?.steps).toBe(3);
  });

  test('with nothing that could be compared only time is waited for', () => {
    const world = World.serving({ v1: 60, v2: 40 }).edit({ shares: V1, rollout: ONE }).calm();
    expect(world.last?.window).toBeUndefined();
    expect(world.split).toEqual({ v1: 70, v2: 30 });
    world.after(MINUTE).calm();
    expect(world.split).toEqual(V1);
  });
});

describe('before weight', () => {
  test('a step of no traffic mirrors only, and is over when its hold is', () => {
    const world = walking(
      settings(
        [
          [0, MINUTE],
          [10, MINUTE],
        ],
        { analysis: ANALYSIS },
      ),
    );
    world.pass();
    expect(world.table?.observe).toBeUndefined();
    expect(world.table?.versions.every(({ shadow }) => shadow === 0)).toBe(true);
    world.calm();
    expect(world.split).toEqual(V1);
    expect(world.table?.versions.find(({ name }) => name === 'v2')?.shadow).toBe(1000);
    expect(world.table?.observe).toEqual({ absolute: 1e-4, relative: 1e-3, keep: 0, distribution: false });
    expect(world.last?.window).toMatchObject({ step: 0, stable: 'v1', canaries: ['v2'] });
    world.after(MINUTE).calm();
    expect(world.split).toEqual({ v1: 90, v2: 10 });
    world.after(MINUTE).calm();
    expect([world.split, world.table?.observe]).toEqual([V2, undefined]);
    expect(world.table?.versions.every(({ shadow }) => shadow === 0)).toBe(true);
  });

  test('a shadow version of the spec keeps its copies', () => {
    const world = World.serving(V1)
      .edit({ shares: { v2: 100, v3: 0 }, shadow: { v3: 20 }, rollout: ONE })
      .calm();
    expect(world.table?.versions.map(({ name, shadow }) => [name, shadow])).toEqual([
      ['v2', 1000],
      ['v3', 2000],
      ['v1', 0],
    ]);
    world.natures.v2 = { verdict: 'Fail' };
    world.after(MINUTE).untilRest();
    expect(world.table?.versions.map(({ name, shadow }) => [name, shadow])).toEqual([
      ['v3', 2000],
      ['v1', 0],
    ]);
    expect([...world.running.keys()]).toEqual(['v1', 'v3']);
  });
});
