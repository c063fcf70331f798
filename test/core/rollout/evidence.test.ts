/** What passes a step, what fails it, and what does neither. */
import { describe, expect, test } from 'vitest';
import { rollout } from '../../../core/rollout/rollout.ts';
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

/** The walk stands at its first step, in force, since `now`. */
function atStep(rollout = ONE, more: Partial<Spec> = {}): World {
  return walking(rollout, more).calm();
}

const where = ({ state }: World) => [state?.phase, state?.reason, state?.step];

describe('evidence', () => {
  test('passes a step when its hold is over and all checks pass', () => {
    const world = atStep();
    world.after(MINUTE - 1).pass();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    world.after(1).pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForTraffic', 1]);
  });

  test('no verdict passes nothing', () => {
    const world = atStep();
    world.window = undefined;
    world.after(MINUTE).pass();
    expect(where(world)).toEqual(['Progressing', 'Analyzing', 0]);
    expect(world.state?.message).toMatch(/nothing has been measured yet/);
  });

  test.each([
    ['of another window', { key: { id: 'x', step: 0, window: 0 } }],
    ['of another step', { step: 3 }],
    ['of a window before', { window: -1 }],
    ['of no look', { looks: 0 }],
    ['of fewer checks than the spec has', { checks: [] }],
  ])('verdicts %s pass nothing', (_, change) => {
    const world = atStep();
    world.after(MINUTE);
    const input = world.input();
    const { key } = input.verdicts as NonNullable<typeof input.verdicts>;
    const { step = key.step, window = key.window, ...more } = change as { step?: number; window?: number };
    const verdicts = { ...input.verdicts, key: { ...key, step, window }, ...more } as typeof input.verdicts;
    expect(rollout({ ...input, verdicts }).state).toMatchObject({ step: 0, reason: 'Analyzing' });
  });

  test('a check that fails takes the version back at once, with numbers and exits', () => {
    const world = atStep();
    world.natures.v2 = { verdict: 'Fail', exits: 2, lastExit: 'exit code 3' };
    world.after(15_000).pass();
    expect(where(world)).toEqual(['RolledBack', 'CheckFailed', 0]);
    expect(world.state?.message).toBe(
      'v2: error-rate is 0.213; v2 exited 2 times since the rollout began, last: exit code 3; back to v1 100%',
    );
    expect(world.state?.checks).toEqual([{ name: 'error-rate', verdict: 'Fail', message: 'error-rate is 0.213' }]);
    expect(world.split).toEqual(V1);
    expect(world.last?.goal.versions.find(({ name }) => name === 'v2')).toMatchObject({ share: 0, dropped: true });
    world.untilRest();
    expect([...world.running.keys()]).toEqual(['v1']);
    expect(world.last?.goal.versions.map(({ name }) => name)).toEqual(['v1']);
    world.after(24 * 60 * MINUTE).calm();
    expect(world.state?.phase).toBe('RolledBack');
    expectAtRest(world);
  });

  test('while the next step waits for capacity, the step before is still watched', () => {
    const rollout = settings([[10, MINUTE], [50]], { analysis: ANALYSIS });
    const world = atStep(rollout, { elastic: { v2: { min: 1, max: 9 } }, sizes: { v1: 8 } });
    world.after(MINUTE);
    world.running.set('v2', { size: 4, ready: 1 });
    world.pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 1]);
    expect(world.last?.window).toMatchObject({ step: 0 });
    world.natures.v2 = { verdict: 'Fail' };
    world.after(15_000).pass();
    expect(where(world)).toEqual(['RolledBack', 'CheckFailed', 1]);
  });

  test('with onFailure Pause the shares stay, until a person says', () => {
    const world = atStep({ ...ONE, onFailure: 'Pause' });
    world.natures.v2 = { verdict: 'Fail' };
    world.after(15_000).calm();
    expect(where(world)).toEqual(['Paused', 'CheckFailed', 0]);
    expect(world.split).toEqual({ v1: 90, v2: 10 });
    world.natures.v2 = { verdict: 'Pass' };
    world.after(60 * MINUTE).calm();
    expect(where(world)).toEqual(['Paused', 'CheckFailed', 0]);
    world.say('resume').calm();
    expect(world.state?.window).toBe(1);
    world.untilRest();
    expect(world.state?.phase).toBe('Completed');
  });

  test('what stays inconclusive until its deadline pauses, and a late answer does not pass it', () => {
    const world = atStep();
    world.natures.v2 = { verdict: 'Inconclusive' };
    world.after(ANALYSIS.deadlineMs - 1).calm();
    expect(where(world)).toEqual(['Progressing', 'Analyzing', 0]);
    world.after(1).calm();
    expect(where(world)).toEqual(['Paused', 'Inconclusive', 0]);
    expect(world.state?.message).toMatch(/not enough evidence within 30m: v2: error-rate is 0.001$/);
    world.natures.v2 = { verdict: 'Pass' };
    world.after(60 * MINUTE).calm();
    expect(where(world)).toEqual(['Paused', 'Inconclusive', 0]);
    world.say('resume').calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    world.after(MINUTE).calm();
    expect(world.state?.phase).toBe('Completed');
  });

  test('a process that took over gathers anew, and has all the time for it', () => {
    const world = atStep();
    world.natures.v2 = { verdict: 'Inconclusive' };
    world.after(ANALYSIS.deadlineMs - 1).calm();
    world.restart();
    world.after(1).calm();
    expect(where(world)).toEqual(['Progressing', 'Analyzing', 0]);
    world.after(ANALYSIS.intervalMs).calm();
    expect(where(world)).toEqual(['Progressing', 'Analyzing', 0]);
    world.after(ANALYSIS.deadlineMs).calm();
    expect(where(world)).toEqual(['Paused', 'Inconclusive', 0]);
  });

  test.each(['ApprovalRequired', 'PauseRequested', 'Inconclusive'])(
    'a check that fails while it is paused by %s takes it back',
    (reason) => {
      const world = atStep(settings([[10, 0, 'approval']], { analysis: ANALYSIS }));
      if (reason === 'PauseRequested') world.say('pause');
      if (reason === 'Inconclusive') world.natures.v2 = { verdict: 'Inconclusive' };
      world.after(ANALYSIS.deadlineMs).calm();
      expect(world.state?.reason).toBe(reason);
      world.natures.v2 = { verdict: 'Fail' };
      world.after(15_000).calm();
      expect(world.state?.phase).toBe('RolledBack');
    },
  );
});
