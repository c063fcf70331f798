/** What a rollout makes of the conditions, of the versions, and what is worth an Event. */
import { describe, expect, test } from 'vitest';
import type { RolloutStatus } from '../../../../api/status.ts';
import type { RolloutFacts, StatusFacts } from '../../../../operator/reconcile/status/facts.ts';
import { rolloutEvents } from '../../../../operator/reconcile/status/rollout-events.ts';
import { isUrgent } from '../../../../operator/reconcile/status/status.ts';
import { walkState } from '../walk-build.ts';
import { conditionOf, facts, readyPod, startingPod, table, told, trueOnes, unready, version } from './build.ts';

const NUMBERS = 'v2: disagreement 0.213 over 1,204 mirrored requests, allowed 0.05';
const walking = (more: Partial<RolloutStatus> = {}, extra: Partial<RolloutFacts> = {}): Partial<StatusFacts> => ({
  versions: [version('v1'), version('v2')],
  table: table({ v1: 95, v2: 5 }),
  rollout: { model: 'digits', state: walkState(more), waiting: [], notes: [], ...extra },
});
const back = { phase: 'RolledBack', reason: 'CheckFailed', message: NUMBERS } as const;
const taken = (name: string) =>
  version(name, { replicas: 0, deployment: undefined, pods: [], withdrawn: true, share: 0 });

describe('conditions', () => {
  const cases: Record<string, [Partial<RolloutStatus>, string, string, RegExp | undefined]> = {
    'a walk is work that goes on': [{}, 'Accepted Available Reconciling', 'RolloutProgressing', undefined],
    'an approval is waited for without end': [
      { phase: 'Paused', reason: 'ApprovalRequired' },
      'Accepted Available Stalled',
      'RolloutPaused',
      /modelship rollout approve digits/,
    ],
    'so is a pause': [
      { phase: 'Paused', reason: 'PauseRequested' },
      'Accepted Available Stalled',
      'RolloutPaused',
      /modelship rollout resume digits/,
    ],
    'so is more evidence': [
      { phase: 'Paused', reason: 'Inconclusive' },
      'Accepted Available Stalled',
      'RolloutPaused',
      /resume digits.*promote digits.*abort digits/,
    ],
    'a check that failed where nobody rolls back': [
      { phase: 'Paused', reason: 'CheckFailed' },
      'Accepted Available Stalled',
      'RolloutPaused',
      /abort digits/,
    ],
    'what was taken back is stuck, and users have answers': [
      back,
      'Accepted Available Stalled',
      'RolledBack',
      /modelship rollout retry digits/,
    ],
    'what was aborted': [
      { phase: 'Aborted', reason: 'AbortRequested' },
      'Accepted Available Stalled',
      'RolloutAborted',
      /modelship rollout retry digits/,
    ],
    'the end of a walk is no news': [
      { phase: 'Completed', reason: 'StepsDone' },
      'Accepted Available Ready',
      'Ready',
      undefined,
    ],
  };
  test.each(Object.entries(cases))('%s', (_, [state, holding, reason, next]) => {
    const said = told(facts(walking(state)));
    expect(trueOnes(said)).toBe(holding);
    expect(conditionOf(said, 'Ready').reason).toBe(reason);
    expect(said.rollout).toEqual(walkState(state));
    if (next) expect(said.blockedBy).toMatch(next);
    else expect(said.blockedBy).toBeUndefined();
  });

  test('Ready says the numbers', () => {
    expect(conditionOf(told(facts(walking(back))), 'Ready').message).toBe(`rolled back at step 1 of 3: ${NUMBERS}`);
  });

  test('what is waited for is told once, and so is what keeps a check from an answer', () => {
    const rollout = { waiting: ['v2 is not ready', 'it is looked at'], notes: ['the operator knows of no Prometheus'] };
    const { message } = conditionOf(told(facts(walking({}, rollout))), 'Ready');
    expect(message).toBe('rollout: it is looked at; v2 is not ready; the operator knows of no Prometheus');
  });

  test('a canary that does not come up is told beside it', () => {
    const versions = [version('v1'), unready('v2', [startingPod('p')])];
    const said = told(facts({ ...walking(), versions }));
    expect(conditionOf(said, 'Reconciling').reason).toBe('RolloutProgressing');
    expect(conditionOf(said, 'Ready').message).toMatch(/^rollout: .*; v2: 0 of 1 replica ready/);
  });
});

describe('a version', () => {
  test('that was taken back is Withdrawn, with the reason; nobody waits for it', () => {
    const versions = [version('v1'), taken('v2')];
    const said = told(facts({ ...walking(back), versions, table: table({ v1: 100 }) }));
    expect(said.versions?.[1]).toEqual({
      name: 'v2',
      phase: 'Withdrawn',
      replicas: 0,
      readyReplicas: 0,
      traffic: 0,
      trafficInForce: 0,
      failure: { code: 'CheckFailed', message: NUMBERS },
    });
    expect(conditionOf(said, 'Ready').message).not.toMatch(/Deployment is not there/);
  });

  test('has the code of its own failure, whatever was the matter with it before', () => {
    const message = 'v2: MODEL_CORRUPT: pod p: not an ONNX model; back to v1 100%';
    const previous = {
      versions: [{ name: 'v2', phase: 'Pending' as const, failure: { code: 'Unschedulable', message: 'p' } }],
    };
    const versions = [version('v1'), taken('v2')];
    const state = { ...back, reason: 'VersionFailed', message } as const;
    const said = told(facts({ ...walking(state), versions, table: table({ v1: 100 }), previous }));
    expect(said.versions?.[1]?.failure).toEqual({ code: 'MODEL_CORRUPT', message });
    expect(told(facts({ ...walking(state), versions, table: table({ v1: 100 }), previous: said })).versions).toEqual(
      said.versions,
    );
  });

  test('that the walk did not mean is withdrawn without a failure', () => {
    const versions = [version('v1'), taken('v3')];
    const said = told(facts({ ...walking(back), versions, table: table({ v1: 100 }) }));
    expect(said.versions?.[1]?.failure).toBeUndefined();
  });

  test('that serves though the spec no longer lists it is told like any other', () => {
    const versions = [version('v2'), unready('v1', [readyPod('a')], { replicas: 2 })];
    const said = told(facts({ ...walking(back), versions, table: table({ v2: 0, v1: 100 }) }));
    expect(said.versions?.[1]?.phase).toBe('Starting');
    expect(conditionOf(said, 'Ready').message).toMatch(/v1: 0 of 2 replicas/);
  });
});

test('numbers of checks wait for more of their kind, a step does not', () => {
  const at = (more: Partial<RolloutStatus>) => told(facts(walking(more)));
  const passed = at({ checks: [{ name: 'v2 error-rate', verdict: 'Pass' }], message: 'it is looked at' });
  expect(isUrgent(at({}), passed)).toBe(false);
  expect(isUrgent(at({}), at({ step: 1 }))).toBe(true);
  expect(isUrgent(at({}), at({ phase: 'Paused', reason: 'PauseRequested' }))).toBe(true);
});

describe('events', () => {
  const failed = [{ name: 'v2 disagreement', verdict: 'Fail' as const, message: NUMBERS }];
  const cases: Record<string, [RolloutStatus | undefined, RolloutStatus, string[]]> = {
    'a walk begins': [
      undefined,
      walkState({ since: undefined }),
      ['Normal RolloutStarted from v1:100 to v2:100 in 3 steps; rollout 3f2a9c01-1'],
    ],
    'another one takes its place': [
      walkState(),
      walkState({ id: 'other', steps: 1, since: undefined, to: { v2: 5_000, v3: 5_000 } }),
      ['Normal RolloutStarted from v1:100 to v2:50 v3:50 in 1 step; rollout other'],
    ],
    'a step is decided': [walkState(), walkState({ step: 1, since: undefined }), []],
    'a step is in force': [
      walkState({ step: 1, since: undefined }),
      walkState({ step: 1 }),
      ['Normal RolloutStep step 2 of 3 is in force; rollout 3f2a9c01-1'],
    ],
    'the same again': [walkState(), walkState({ message: 'other words' }), []],
    'it waits for an approval': [
      walkState(),
      walkState({ phase: 'Paused', reason: 'ApprovalRequired', message: 'm' }),
      ['Normal RolloutPaused rollout paused: m'],
    ],
    'it lacks evidence': [
      walkState(),
      walkState({ phase: 'Paused', reason: 'Inconclusive', message: 'm' }),
      ['Warning RolloutPaused rollout paused: m'],
    ],
    'it goes on': [
      walkState({ phase: 'Paused', reason: 'PauseRequested' }),
      walkState({ message: 'm' }),
      ['Normal RolloutResumed rollout: m'],
    ],
    'a check fails, and it is taken back': [
      walkState({ checks: [{ name: 'v2 disagreement', verdict: 'Pass' }] }),
      walkState({ ...back, checks: failed }),
      [`Warning CheckFailed ${NUMBERS}`, `Warning RolledBack rolled back at step 1 of 3: ${NUMBERS}`],
    ],
    'what was told is not told again': [
      walkState({ ...back, checks: failed }),
      walkState({ ...back, checks: failed }),
      [],
    ],
    'it is aborted': [
      walkState(),
      walkState({ phase: 'Aborted', reason: 'AbortRequested', message: 'm' }),
      ['Warning RolloutAborted rollout aborted: m'],
    ],
    'it ends': [
      walkState({ step: 3 }),
      walkState({ step: 3, phase: 'Completed', reason: 'StepsDone', message: 'm' }),
      ['Normal RolloutCompleted rollout completed: m'],
    ],
    'what was never walked': [undefined, walkState({ phase: 'Completed', step: 3 }), []],
  };
  test.each(Object.entries(cases))('%s', (_, [before, after, expected]) => {
    expect(rolloutEvents(before, after).map(({ type, reason, message }) => `${type} ${reason} ${message}`)).toEqual(
      expected,
    );
  });

  test('none of what is gone', () => {
    expect(rolloutEvents(walkState(), undefined)).toEqual([]);
  });
});
