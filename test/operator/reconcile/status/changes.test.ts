/** What is written at once, and what is worth an Event. */
import { describe, expect, test } from 'vitest';
import type { Status } from '../../../../api/status.ts';
import type { StatusFacts } from '../../../../operator/reconcile/status/facts.ts';
import { eventsOf, isFirstStart, isUrgent } from '../../../../operator/reconcile/status/status.ts';
import { walkState } from '../walk-build.ts';
import {
  at,
  crashingPod,
  deployment,
  facts,
  readyPod,
  report,
  startingPod,
  table,
  told,
  unready,
  unscheduledPod,
  version,
  waitingPod,
} from './build.ts';

const corrupt = crashingPod('p', 'MODEL_CORRUPT: not an ONNX model');
const half = version('v1', { replicas: 2, deployment: deployment(2, 1), pods: [readyPod('a'), startingPod('b')] });
const taken = { object: 'Service digits', reason: 'NameTaken', message: 'it is not ours', transient: false };
const refused = { ok: false, reason: 'LocalModel', message: 'v1 is a file of a laptop' } as const;

const first = { now: at(0) };

/** Two statuses, the second written over the first. */
function change(from: Partial<StatusFacts> | undefined, to: Partial<StatusFacts>): [Status | undefined, Status] {
  const previous = from && told(facts(from));
  return [previous, told(facts({ ...to, previous }))];
}

describe('what is written at once', () => {
  const cases: Record<string, [Partial<StatusFacts> | undefined, Partial<StatusFacts>, boolean]> = {
    'the first': [undefined, {}, true],
    'nothing changed': [{}, {}, false],
    'another generation': [{}, { generation: 4 }, true],
    'a condition flips': [{}, { versions: [half] }, true],
    counts: [
      { versions: [unready('v1', [startingPod('a')], { replicas: 3 })] },
      {
        versions: [version('v1', { replicas: 3, deployment: deployment(3, 1), pods: [startingPod('a')] })],
        inForce: false,
      },
      true,
    ],
    'only counts': [
      { versions: [version('v1', { replicas: 3, deployment: deployment(3, 1), pods: [] })] },
      { versions: [version('v1', { replicas: 3, deployment: deployment(3, 2), pods: [] })] },
      false,
    ],
    'only the state of a model': [
      {
        versions: [unready('v1', [startingPod('a')], { reports: new Map([['a', report({ state: 'Downloading' })]]) })],
      },
      { versions: [unready('v1', [startingPod('a')], { reports: new Map([['a', report({ state: 'Loading' })]]) })] },
      false,
    ],
    'only wording': [
      { versions: [unready('v1', [unscheduledPod('a', '0/3 nodes are available.')])] },
      { versions: [unready('v1', [unscheduledPod('a', '0/4 nodes are available.')])] },
      false,
    ],
    'a failure appears': [
      { versions: [unready('v1', [startingPod('a')])] },
      { versions: [unready('v1', [unscheduledPod('a', 'x', at(599))])] },
      true,
    ],
    'a failure changes its code': [
      { versions: [unready('v1', [corrupt])] },
      { versions: [unready('v1', [waitingPod('p', 'ErrImagePull', 'x')])] },
      true,
    ],
    'a failure goes': [
      { versions: [unready('v1', [unscheduledPod('a', 'x', at(599))])] },
      { versions: [unready('v1', [startingPod('a')])] },
      true,
    ],
    'the split in force': [
      { versions: [version('v1'), version('v2')] },
      { versions: [version('v1'), version('v2')], table: table({ v1: 90, v2: 10 }) },
      true,
    ],
    'a digest that is kept nowhere else': [{}, { versions: [version('v1', { digest: 'd'.repeat(64) })] }, true],
    'a digest that nobody answers with yet': [
      { versions: [unready('v1', [startingPod('a')], { replicas: 3 })] },
      { versions: [unready('v1', [startingPod('a')], { replicas: 3, digest: 'd'.repeat(64) })] },
      false,
    ],
    // The digest of v2 comes with "it is Ready".
    'a digest on the first start': [
      { ...first, versions: [version('v1'), unready('v2', [startingPod('b')])] },
      { ...first, versions: [version('v1'), version('v2', { digest: 'd'.repeat(64) })], inForce: false },
      false,
    ],
  };

  test.each(Object.entries(cases))('%s', (_name, [from, to, urgent]) => {
    expect(isUrgent(...change(from, to))).toBe(urgent);
  });
});

describe('a first start', () => {
  const loading = told(facts({ ...first, versions: [version('v1'), unready('v2', [startingPod('b')])] }));

  test('is one that was never Ready since it was accepted', () => {
    expect(isFirstStart(loading, loading)).toBe(true);
  });

  test('is none where a walk stands, however soon that began', () => {
    expect(isFirstStart(loading, { ...loading, rollout: walkState() })).toBe(false);
    expect(isFirstStart({ ...loading, rollout: walkState() }, loading)).toBe(false);
  });
});

describe('events', () => {
  const two = [version('v1'), version('v2')];
  const cases: Record<string, [Partial<StatusFacts> | undefined, Partial<StatusFacts>, string[]]> = {
    'all at once for the first time': [
      undefined,
      {},
      ['Normal Accepted the spec was taken', 'Normal Ready v1 ready; v1:100'],
    ],
    nothing: [{}, {}, []],
    'the first pass': [
      undefined,
      { versions: [], table: undefined, url: undefined },
      ['Normal Accepted the spec was taken'],
    ],
    'another spec is taken': [{}, { generation: 4 }, ['Normal Accepted the spec was taken']],
    'a spec is refused': [
      {},
      { generation: 4, acceptance: refused },
      ['Warning NotAccepted LocalModel: v1 is a file of a laptop; what was accepted before goes on being served'],
    ],
    'it is still refused': [{ acceptance: refused }, { acceptance: refused }, []],
    'a warning': [
      undefined,
      { versions: [], table: undefined, warnings: [{ severity: 'warning', reason: 'X', message: 'w', path: '' }] },
      ['Warning AcceptedWithWarnings the spec was taken, but w'],
    ],
    'a version fails': [
      { versions: [version('v1'), unready('v2', [startingPod('p')])] },
      { versions: [version('v1'), unready('v2', [corrupt])] },
      ['Warning LoadFailed v2: MODEL_CORRUPT: pod p: not an ONNX model'],
    ],
    'it fails on': [{ versions: [unready('v2', [corrupt])] }, { versions: [unready('v2', [corrupt])] }, []],
    'a pod finds no node': [
      { versions: [version('v1'), unready('v2', [startingPod('p')])] },
      { versions: [version('v1'), unready('v2', [unscheduledPod('p', 'why', at(599))])] },
      ['Warning Unschedulable v2: pod p cannot be scheduled: why'],
    ],
    'patience ends': [
      { versions: [version('v1'), unready('v2', [unscheduledPod('p', 'why', at(599))])] },
      { versions: [version('v1'), unready('v2', [unscheduledPod('p', 'why', at(599))])], now: at(800) },
      ['Warning Stalled v2: pod p cannot be scheduled: why'],
    ],
    'a name is taken': [{}, { objectProblems: [taken] }, ['Warning NameTaken Service digits: it is not ours']],
    'the split moves': [
      { versions: two },
      { versions: two, table: table({ v1: 90, v2: 10 }) },
      ['Normal TrafficMoved v1:90 v2:10 is in force, before that v1:100'],
    ],
    'a version leaves': [
      { versions: two },
      { versions: [version('v1'), version('v2', { listed: false })] },
      ['Normal VersionRetiring v2 is no longer listed; it leaves when nobody sends it anything'],
    ],
    'a version is gone': [
      { versions: [version('v1'), version('v2', { listed: false })] },
      { versions: [version('v1')] },
      ['Normal VersionRetired v2 is gone'],
    ],
    'nobody answers any more': [
      {},
      { versions: [unready('v1', [startingPod('p')])] },
      ['Warning NotServing no version that takes traffic has a ready replica'],
    ],
  };

  test.each(Object.entries(cases))('%s', (_name, [from, to, expected]) => {
    const events = eventsOf(...change(from, to));
    expect(events.map(({ type, reason, message }) => `${type} ${reason} ${message}`)).toEqual(expected);
  });

  test('fit into an Event', () => {
    const long = { ...taken, message: 'ü'.repeat(4_000) };
    const [event] = eventsOf(...change({}, { objectProblems: [long] }));
    expect(Buffer.byteLength(event?.message ?? '')).toBeLessThanOrEqual(1_024);
    expect(event?.message.endsWith('ü…')).toBe(true);
  });
});
