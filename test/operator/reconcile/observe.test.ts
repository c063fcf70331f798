/** What the engine is told of a version's troubles. */
import { describe, expect, test } from 'vitest';
import type { PodReport } from '../../../api/pod-report.ts';
import { type RunVersion, runVersions } from '../../../operator/reconcile/decide.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { noteSignatures, rolloutWants, troubleOf } from '../../../operator/reconcile/observe.ts';
import type { ContainerStatus, Pod } from '../../../operator/reconcile/pod.ts';
import { FAILED, read } from '../evidence/build.ts';
import { gathered, model, pod, spec, UID } from './build.ts';

const SPEC = spec([{ name: 'v1', traffic: 100 }, { name: 'v2' }]);
const HERE = gathered({ md: model(SPEC) });
const [V1, V2] = runVersions({ spec: SPEC, leaving: [] }, HERE) as [RunVersion, RunVersion];
const AT = '2026-01-01T00:00:00Z';

const runtime = (more: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'runtime',
  ready: false,
  restartCount: 0,
  ...more,
});
const ended = (exitCode: number, more: object = {}) => ({
  terminated: { exitCode, reason: 'Error', finishedAt: AT, ...more },
});
const crashing = (message: string, more: object = {}): Pod =>
  pod('v2', 'p', false, {
    containerStatuses: [
      runtime({
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: ended(1, { message, ...more }),
        restartCount: 2,
      }),
    ],
  });

const trouble = (pods: Pod[], reads = new Map()) => troubleOf(V2, { ...HERE, pods: new Map([['v2', pods]]) }, reads);

describe('a failure that waiting cannot mend', () => {
  test.each<[string, Pod, string | undefined]>([
    ['a model that is no model', crashing('MODEL_CORRUPT: not ONNX'), 'MODEL_CORRUPT'],
    ['golden requests that are answered otherwise', crashing('GOLDEN_MISMATCH: request 3'), 'GOLDEN_MISMATCH'],
    ['too little memory', crashing('', { reason: 'OOMKilled', exitCode: 137 }), 'OOMKilled'],
    ['an end without a word, again and again', crashing(''), 'ContainerFailed'],
    ['a source that does not answer', crashing('MODEL_UNREACHABLE: no route'), undefined],
    ['a right that is missing', crashing('MODEL_FORBIDDEN: 403'), undefined],
    [
      'an image that cannot be pulled',
      pod('v2', 'p', false, { containerStatuses: [runtime({ state: { waiting: { reason: 'ImagePullBackOff' } } })] }),
      undefined,
    ],
    [
      'the first end of it',
      pod('v2', 'p', false, { containerStatuses: [runtime({ state: ended(1, { message: 'MODEL_CORRUPT: x' }) })] }),
      undefined,
    ],
    ['a pod that is ready', pod('v2', 'p', true), undefined],
  ])('%s', (_, one, code) => {
    expect(trouble([one]).failure?.code).toBe(code);
  });

  test('names the pod', () => {
    expect(trouble([crashing('MODEL_CORRUPT: not ONNX')]).failure?.message).toBe('pod p: not ONNX');
  });

  test('is none of a pod that goes', () => {
    const going = crashing('MODEL_CORRUPT: not ONNX');
    going.metadata.deletionTimestamp = AT;
    expect(trouble([going])).toEqual({});
  });
});

describe('exits', () => {
  const again = (name: string, restartCount: number, more: Partial<ContainerStatus>): Pod =>
    pod('v2', name, true, {
      containerStatuses: [
        runtime({ restartCount, ready: true, ...more }),
        { name: 'proxy', ready: true, restartCount: 40, lastState: ended(9, { finishedAt: '2026-02-01T00:00:00Z' }) },
      ],
    });

  test('are those of the runtime in all pods; the last one is told', () => {
    const pods = [
      again('a', 2, { lastState: ended(137, { reason: 'OOMKilled', finishedAt: '2026-01-01T00:00:09Z' }) }),
      again('b', 1, { lastState: ended(7) }),
    ];
    expect(trouble(pods)).toEqual({ exits: 3, lastExit: 'pod a: exit code 137, OOMKilled' });
    expect(trouble([again('b', 1, { lastState: ended(7) })]).lastExit).toBe('pod b: exit code 7');
  });

  test('are not known where there is no pod', () => {
    expect(trouble([])).toEqual({});
  });
});

describe('signatures', () => {
  const signature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 64] }], outputs: [] };
  const says = (more: Partial<PodReport>) => new Map([['uid-Pod-p', read({ version: 'v2', signature, ...more })]]);
  const pods = { ...HERE, pods: new Map([['v2', [pod('v2', 'p', true)]]]) };

  test('are what a pod reports, and outlive the pod', () => {
    const known = new Map();
    noteSignatures(known, [V1, V2], pods, says({}));
    noteSignatures(known, [V1, V2], HERE, new Map());
    expect(known).toEqual(new Map([['v2', signature]]));
    expect(troubleOf(V2, pods, new Map(), known.get('v2')).signature).toEqual(signature);
  });

  test('are not taken of a report of another version, nor of none', () => {
    const known = new Map();
    noteSignatures(known, [V1, V2], pods, says({ version: 'v1' }));
    noteSignatures(known, [V1, V2], pods, new Map([['uid-Pod-p', FAILED]]));
    expect(known.size).toBe(0);
  });

  test('are forgotten with the version', () => {
    const known = new Map([['v2', signature]]);
    noteSignatures(known, [V1], HERE, new Map());
    expect(known.size).toBe(0);
  });
});

describe('what a rollout wants of reports', () => {
  test('nothing where there is none', () => {
    expect(rolloutWants(SPEC, [V1, V2], false, newMemory(UID, 0)).unsigned).toEqual(new Set());
  });

  test('signatures that nobody told, eagerly during a walk', () => {
    const memory = newMemory(UID, 0);
    memory.signatures.set('v1', { inputs: [], outputs: [] });
    expect(rolloutWants(SPEC, [V1, V2], true, memory)).toEqual({ unsigned: new Set(['v2']), unsignedMs: 1_000 });
    const walked = { ...SPEC, rollout: { steps: [{ traffic: 5 }] } };
    expect(rolloutWants(walked, [V1, V2], false, memory)).toEqual({ unsigned: new Set(['v2']), unsignedMs: 10_000 });
  });

  test('evidence while a window is open', () => {
    const memory = newMemory(UID, 0);
    const checks = [
      { custom: 'queue_depth', max: 5 },
      { metric: 'error-rate' as const, max: 0.1 },
      { custom: 'queue_depth', min: 0 },
    ];
    const analysis = {
      intervalMs: 3_000,
      minSamples: 1,
      deadlineMs: 1,
      mirror: 0,
      compare: { absolute: 0, relative: 0, keep: 0 },
      checks,
    };
    memory.analysis.open({ id: 'a', step: 0, window: 0, since: 0, stable: 'v1', canaries: ['v2'] }, analysis, 0, 0);
    expect(rolloutWants(SPEC, [V1, V2], true, memory)).toMatchObject({ maxAgeMs: 1_000, custom: ['queue_depth'] });
  });
});
