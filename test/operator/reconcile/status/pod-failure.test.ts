/** Why a pod is not ready, as it reads. */
import { describe, expect, test } from 'vitest';
import type { ReportRead } from '../../../../operator/evidence/reports.ts';
import type { ContainerStatus, Pod } from '../../../../operator/reconcile/pod.ts';
import { lastWords } from '../../../../operator/reconcile/status/last-words.ts';
import { podFailure } from '../../../../operator/reconcile/status/pod-failure.ts';
import { at, container, crashingPod, pod, readyPod, report, startingPod, T0, waitingPod } from './build.ts';

const said = (of: Pod, read: ReportRead = report({ state: 'Loading' })) => {
  const found = podFailure(of, read, { resources: { limits: { memory: '1Gi' } } });
  return found && `${found.lasting ? 'lasts' : 'may pass'}, ${found.code}: ${found.message}`;
};

const ended = (message = '', more: object = {}) => ({
  terminated: { exitCode: 1, reason: 'Error', message, finishedAt: T0, ...more },
});

/** A pod whose runtime is fine and which has another container. */
const beside = (other: ContainerStatus): Pod =>
  pod('p', { containerStatuses: [container({ running: { startedAt: T0 } }, { ready: true }), other] });

const NOT_THERE = 'MODEL_NOT_THERE: there is no file /mnt/claims/m/2.onnx\n';
const pull = 'rpc error: code = NotFound desc = registry.example.com/x:1: not found';

describe('a pod says why it is not ready', () => {
  const table: Record<string, [Pod, string | undefined]> = {
    'nothing while it starts': [startingPod('p'), undefined],
    'nothing while its container is made': [waitingPod('p', 'ContainerCreating'), undefined],
    'nothing once it is ready': [readyPod('p'), undefined],
    'nothing when it is being deleted': [
      { ...crashingPod('p', NOT_THERE), metadata: { ...pod('p').metadata, deletionTimestamp: T0 } },
      undefined,
    ],
    'the code and words of the runtime, again and again': [
      crashingPod('p', NOT_THERE),
      'lasts, MODEL_NOT_THERE: pod p: there is no file /mnt/claims/m/2.onnx',
    ],
    'the first failure may pass': [
      pod('p', { containerStatuses: [container(ended(NOT_THERE))] }),
      'may pass, MODEL_NOT_THERE: pod p: there is no file /mnt/claims/m/2.onnx',
    ],
    'it lasts while the next try runs, once the kubelet had made it wait': [
      startingPod('p', { restartCount: 2, state: { running: { startedAt: at(20) } }, lastState: ended(NOT_THERE) }),
      'lasts, MODEL_NOT_THERE: pod p: there is no file /mnt/claims/m/2.onnx',
    ],
    'many restarts over months are no loop: this one came at once': [
      startingPod('p', { restartCount: 9, state: { running: { startedAt: at(1) } }, lastState: ended('CODE: why') }),
      'may pass, CODE: pod p: why',
    ],
    'a failure is over when the pod was ready since': [
      pod('p', {
        conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(3_600) }],
        containerStatuses: [container({ running: { startedAt: at(20) } }, { lastState: ended(NOT_THERE) })],
      }),
      undefined,
    ],
    'a kill for memory, with the limit': [
      crashingPod('p', '', { exitCode: 137, reason: 'OOMKilled' }),
      'lasts, OOMKilled: pod p: the container was killed for memory (the limit is 1Gi)',
    ],
    'a kill for memory while it opened the model is no riddle of the runtime': [
      crashingPod('p', 'LOAD_DIED: out of memory, or a crash', { exitCode: 137, reason: 'OOMKilled' }),
      'lasts, OOMKilled: pod p: the container was killed for memory while it opened the model (the limit is 1Gi)',
    ],
    'an end without words': [
      crashingPod('p', '', { exitCode: 139 }),
      'lasts, ContainerFailed: pod p: the container ended with exit code 139 (crashed)',
    ],
    'an end with a log': [
      crashingPod('p', '{"level":30,"msg":"listening"}\n{"level":60,"msg":"it is over"}\n'),
      'lasts, ContainerFailed: pod p: the container ended with exit code 1: it is over',
    ],
    'an end in order is no failure': [
      pod('p', { containerStatuses: [container(ended('', { exitCode: 0, reason: 'Completed' }))] }),
      undefined,
    ],
    'a loop whose end nobody kept': [
      waitingPod('p', 'CrashLoopBackOff', 'back-off 40s restarting'),
      'lasts, ContainerFailed: pod p: the container ends again and again',
    ],
    'an image that is not there': [waitingPod('p', 'ErrImagePull', pull), `lasts, ImagePullBackOff: pod p: ${pull}`],
    'the same between two tries, in the same words': [
      waitingPod('p', 'ImagePullBackOff', `Back-off pulling image "registry.example.com/x:1": ErrImagePull: ${pull}`),
      `lasts, ImagePullBackOff: pod p: ${pull}`,
    ],
    'the same from a kubelet that does not say why': [
      waitingPod('p', 'ImagePullBackOff', 'Back-off pulling image "x:1"'),
      'lasts, ImagePullBackOff: pod p: the image x:1 cannot be pulled',
    ],
    'an image whose name is none': [
      waitingPod('p', 'InvalidImageName', 'couldn’t parse image name "X:::"'),
      'lasts, InvalidImageName: pod p: couldn’t parse image name "X:::"',
    ],
    'a Secret that is missing': [
      waitingPod('p', 'CreateContainerConfigError', 'secret "s3" not found'),
      'lasts, CreateContainerConfigError: pod p: secret "s3" not found',
    ],
    'a container that the node cannot start': [
      crashingPod('p', 'nvidia-container-cli: driver error', { exitCode: 128, reason: 'StartError' }),
      'lasts, CreateContainerError: pod p: nvidia-container-cli: driver error',
    ],
    'what stands in the way now, not what ended the container before': [
      pod('p', {
        containerStatuses: [
          container({ waiting: { reason: 'ErrImagePull', message: pull } }, { lastState: ended(NOT_THERE) }),
        ],
      }),
      `lasts, ImagePullBackOff: pod p: ${pull}`,
    ],
    'a sidecar, by its name and without a code of ours': [
      beside({
        ...container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: ended('CODE: no config') }),
        name: 'mesh',
      }),
      'lasts, ContainerFailed: pod p, container mesh: the container ended with exit code 1: CODE: no config',
    ],
    'an init container': [
      pod('p', {
        containerStatuses: [container({ waiting: { reason: 'PodInitializing' } })],
        initContainerStatuses: [{ ...container({ waiting: { reason: 'ErrImagePull', message: pull } }), name: 'init' }],
      }),
      `lasts, ImagePullBackOff: pod p, container init: ${pull}`,
    ],
    'a pod that its node gave up': [
      pod('p', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
      'may pass, PodFailed: pod p: Evicted: The node was low on resource: memory.',
    ],
  };

  test.each(Object.entries(table))('%s', (_name, [of, expected]) => {
    expect(said(of)).toBe(expected);
  });

  test('its report comes before its last words', () => {
    const failure = { code: 'WARMUP_FAILED', message: 'a made-up\nrequest failed' };
    const read = report({ state: 'Failed', failure });
    expect(said(crashingPod('p', NOT_THERE), read)).toBe('lasts, WARMUP_FAILED: pod p: a made-up request failed');
    expect(said(startingPod('p'), read)).toBe('may pass, WARMUP_FAILED: pod p: a made-up request failed');
  });

  test('a report that cannot be had says nothing', () => {
    expect(said(startingPod('p'), { ok: false, reason: 'timeout' })).toBeUndefined();
  });
});

describe('last words', () => {
  const table: Record<string, [string, ReturnType<typeof lastWords>]> = {
    none: ['', { words: '' }],
    'a code and a message': [
      'MODEL_CORRUPT: not an ONNX model\n',
      { code: 'MODEL_CORRUPT', words: 'not an ONNX model' },
    ],
    'a stack over several lines': [
      'INTERNAL: Error: x\n    at a\n    at b\n',
      { code: 'INTERNAL', words: 'Error: x at a at b' },
    ],
    'a line of a log that starts like a code': ['ERROR: no such thing', { words: 'ERROR: no such thing' }],
    'a code at the end of a log': [
      '{"level":30,"msg":"listening"}\nMODEL_FORBIDDEN: may not be read\n',
      { code: 'MODEL_FORBIDDEN', words: 'may not be read' },
    ],
    'a crash of Node': [
      'file.js:1\nthrow 1\n\nTypeError: x is not a function\n    at f\n\nNode.js v24.0.0\n',
      { words: 'TypeError: x is not a function' },
    ],
    'a character that was cut in two': ['LOAD_DIED: pr\u00fc\ufffd', { code: 'LOAD_DIED', words: 'prü' }],
    'JSON that was cut off': ['{"level":30,"msg":"li', { words: '{"level":30,"msg":"li' }],
  };

  test.each(Object.entries(table))('%s', (_name, [text, expected]) => {
    expect(lastWords(text, true)).toEqual(expected);
  });

  test('are never long', () => {
    const { words } = lastWords(`MODEL_UNSUPPORTED: ${'x'.repeat(4_000)}`, true);
    expect(words).toHaveLength(1_024);
    expect(words.endsWith('…')).toBe(true);
  });
});
