/** What people say to a walk, and what of it is stored. */
import { describe, expect, test } from 'vitest';
import { decidesAnew, type RolloutStatus } from '../../../core/rollout/model.ts';
import { atStep, STEPS, TEN, V1, V2, where } from './at-step.ts';
import { MINUTE, settings } from './build.ts';
import { expectAtRest, World } from './world.ts';

describe('commands', () => {
  test('pause keeps the shares; resume holds anew, with a new window', () => {
    const world = atStep();
    world.say('pause').calm();
    expect(where(world)).toEqual(['Paused', 'PauseRequested', 0]);
    world.after(60 * MINUTE).calm();
    expect(world.split).toEqual(TEN);
    expectAtRest(world);
    world.say('resume').calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    expect(world.state?.window).toBe(1);
    world.after(MINUTE).calm();
    expect(world.split).toEqual({ v1: 50, v2: 50 });
    expect(world.state?.window).toBeUndefined();
  });

  test('pause while a share is waited for gives nothing', () => {
    const world = World.serving(V1).edit({ shares: V2, rollout: STEPS });
    world.pass();
    world.say('pause').calm();
    expect([world.split, where(world)]).toEqual([V1, ['Paused', 'PauseRequested', 0]]);
    world.after(60 * MINUTE).calm();
    world.running.set('v2', { size: 1, ready: 0 });
    world.say('resume').pass();
    expect(where(world)).toEqual(['Progressing', 'WaitingForCapacity', 0]);
    world.calm();
    expect(world.split).toEqual(TEN);
  });

  test('promote skips the rest, and still waits for capacity', () => {
    const world = atStep();
    world.running.set('v2', { size: 1, ready: 0 });
    world.say('promote').pass();
    expect([world.split, where(world)]).toEqual([TEN, ['Progressing', 'WaitingForCapacity', 2]]);
    world.calm();
    expect([world.split, where(world)]).toEqual([V2, ['Completed', 'Promoted', 2]]);
  });

  test('abort goes back at once, and the target is not tried again by itself', () => {
    const world = atStep();
    world.say('abort').pass();
    expect([world.split, where(world)]).toEqual([V1, ['Aborted', 'AbortRequested', 0]]);
    world
      .untilRest()
      .after(60 * MINUTE)
      .calm();
    expect(where(world)).toEqual(['Aborted', 'AbortRequested', 0]);
    expect([...world.running.keys()]).toEqual(['v1']);
  });

  test('retry begins another walk', () => {
    const world = atStep();
    const { id } = world.state as RolloutStatus;
    world.say('abort').pass();
    world.say('retry').calm();
    expect(world.state?.id).not.toBe(id);
    expect([world.split, where(world)]).toEqual([TEN, ['Progressing', 'Holding', 0]]);
    world.untilRest();
    expect(world.state?.phase).toBe('Completed');
  });

  test('abort is heard after the end, as long as what there was has not retired', () => {
    const world = atStep();
    for (let step = 0; step < 2; step++) world.after(MINUTE).calm();
    expect(where(world)).toEqual(['Completed', 'StepsDone', 2]);
    world.say('abort').calm();
    expect([world.split, where(world)]).toEqual([V1, ['Aborted', 'AbortRequested', 2]]);
  });

  test('abort is too late when what there was has retired', () => {
    const world = atStep().untilRest();
    expect([...world.running.keys()]).toEqual(['v2']);
    world.say('abort').calm();
    expect([world.split, where(world)]).toEqual([V2, ['Completed', 'StepsDone', 2]]);
    expect(world.state?.honoured).toBeUndefined();
  });

  test.each(['approve', 'promote', 'resume', 'retry'] as const)('%s for another step is dropped', (command) => {
    const world = atStep(settings([[10, 0, 'approval'], [50]]));
    const before = world.state;
    world.say(command, { step: 1 }).calm();
    const { dropped, ...rest } = world.state ?? {};
    expect(rest).toEqual(before);
    expect(dropped).toMatch(`${command}/`);
    expectAtRest(world);
  });

  test('a retry that meant nothing when it was given does not come true when the walk fails', () => {
    const world = atStep().say('retry').calm();
    expect(where(world)).toEqual(['Progressing', 'Holding', 0]);
    world.natures.v2 = { ...world.natures.v2, failure: { code: 'MODEL_CORRUPT', message: 'it is no ONNX file' } };
    world.calm();
    expect(world.state?.phase).toBe('RolledBack');
    expectAtRest(world);
  });

  test.each(['pause', 'abort'] as const)('%s is heard though the step has just changed', (command) => {
    const world = atStep();
    world.say(command, { step: 1 }).calm();
    expect(world.state?.phase).toBe(command === 'pause' ? 'Paused' : 'Aborted');
  });

  test.each(['approve', 'pause', 'resume', 'promote', 'abort', 'retry'] as const)(
    '%s for another walk does nothing',
    (command) => {
      const world = atStep(settings([[10, 0, 'approval'], [50]]));
      const before = world.state;
      world.say(command, { id: 'another' }).calm();
      expect(world.state).toEqual(before);
    },
  );

  test('each is honoured once: a pause that stays written does not pause again', () => {
    const world = atStep();
    world.say('pause').calm();
    const pause = world.command;
    world.say('resume').calm();
    const resume = world.state?.honoured;
    expect(resume).toMatch(/^resume/);
    world.after(1_000).calm();
    expect(world.state?.honoured).toBe(resume);
    expect(pause?.text).not.toBe(resume);
    expect(world.state?.phase).toBe('Progressing');
  });

  test('a resume that stays written does not resume what fails again', () => {
    const world = atStep({ ...STEPS, onFailure: 'Pause' });
    world.natures.v2 = { exits: 3 };
    world.calm();
    world.say('resume').calm();
    expect(world.state?.phase).toBe('Progressing');
    world.natures.v2 = { exits: 6 };
    world.calm().calm();
    expect(where(world)).toEqual(['Paused', 'VersionRestarts', 0]);
    expect(world.state?.window).toBe(1);
  });

  test('an approval is for its step alone', () => {
    const world = atStep(
      settings([
        [10, 0, 'approval'],
        [50, 0, 'approval'],
      ]),
    );
    world.say('approve').calm();
    expect(where(world)).toEqual(['Paused', 'ApprovalRequired', 1]);
    expect(world.split).toEqual({ v1: 50, v2: 50 });
  });
});

describe('what must be stored before it is acted upon', () => {
  const state = atStep().state as RolloutStatus;
  const paused: RolloutStatus = { ...state, phase: 'Paused', reason: 'ApprovalRequired' };
  test.each<[string, RolloutStatus | undefined, RolloutStatus | undefined, boolean]>([
    ['nothing', undefined, undefined, false],
    ['a first walk', undefined, state, true],
    ['another step', state, { ...state, step: 1 }, true],
    ['a step in force', { ...state, since: undefined }, state, true],
    ['a command that was honoured', state, { ...state, honoured: 'x' }, true],
    ['why it is paused', paused, { ...paused, reason: 'CheckFailed' }, true],
    ['numbers of checks', state, { ...state, checks: [{ name: 'a', verdict: 'Pass' }] }, false],
    ['what a walk under way waits for', state, { ...state, reason: 'Analyzing', message: 'x' }, false],
  ])('%s', (_, before, after, anew) => expect(decidesAnew(before, after)).toBe(anew));
});
