import { describe, expect, it } from 'vitest';
import { gather } from '../../../cli/cluster/gather.ts';
import type { TreeNode } from '../../../cli/cluster/node.ts';
import type { ModelDeploymentObject } from '../../../cli/cluster/objects.ts';
import { treeOf } from '../../../cli/cluster/tree.ts';
import { treeLines } from '../../../cli/cluster/tree-text.ts';
import { colorPaint, plainPaint, visibleWidth } from '../../../cli/output.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { versionName } from '../../../operator/render/names.ts';
import { HEALTHY, md, NOW, pod, reader, stored, world } from './support.ts';

type Change = (objects: StoredObject[]) => StoredObject[];

async function treeFor(object: ModelDeploymentObject, change: Change = (all) => all, fail = {}): Promise<TreeNode> {
  return treeOf(await gather(reader(change(world(object)), fail), object), NOW);
}

const wide = { width: 200, paint: plainPaint };
const healthy = md({ status: HEALTHY });
const without =
  (kind: string, name: string): Change =>
  (all) =>
    all.filter((object) => !(object.kind === kind && object.metadata.name === name));
const replaced =
  (kind: string, name: string, fields: object): Change =>
  (all) =>
    all.map((object) => (object.kind === kind && object.metadata.name === name ? { ...object, ...fields } : object));
const withPod =
  (version: string, status: Pod['status']): Change =>
  (all) => [
    ...all.filter(({ kind, metadata }) => kind !== 'Pod' || !metadata.name.endsWith('-b')),
    pod(version, 'b', status),
  ];

const V1 = versionName('digits', 'v1');
const V2 = versionName('digits', 'v2');

function all(node: TreeNode): TreeNode[] {
  return [node, ...node.children.flatMap(all)];
}

const find = (root: TreeNode, kind: string, name: string) =>
  all(root).find((node) => node.kind === kind && node.name === name);

describe('the tree', () => {
  it('has all that stands behind a ModelDeployment, and how it does', async () => {
    expect(treeLines(await treeFor(healthy), wide)).toEqual([
      '✓ ModelDeployment digits  ready',
      '├─ ✓ Version v1  Ready, 90%, sha256 abababababab',
      `│  ├─ ✓ Deployment ${V1}  2 of 2 replicas ready`,
      `│  │  ├─ ✓ Pod ${V1}-5d9c-a  Running, ready, on node-1, 5m`,
      `│  │  └─ ✓ Pod ${V1}-5d9c-b  Running, ready, on node-1, 5m`,
      `│  ├─ ✓ Service ${V1}  headless, 2 ready endpoints`,
      `│  └─ ✓ PodDisruptionBudget ${V1}  at most 1 down`,
      '├─ ✓ Version v2  Ready, 10%',
      `│  ├─ ✓ Deployment ${V2}  2 of 2 replicas ready`,
      `│  │  ├─ ✓ Pod ${V2}-5d9c-a  Running, ready, on node-1, 5m`,
      `│  │  └─ ✓ Pod ${V2}-5d9c-b  Running, ready, on node-1, 5m`,
      `│  ├─ ✓ Service ${V2}  headless, 2 ready endpoints`,
      `│  └─ ✓ PodDisruptionBudget ${V2}  at most 1 down`,
      '├─ ✓ Service digits  public, leads to v1, 2 ready endpoints',
      '└─ ✓ ConfigMap digits-traffic  traffic table, revision 1: v1 90%, v2 10%',
    ]);
  });

  it.each<[string, Pod['status'], string, string[]]>([
    [
      'finds no node',
      {
        phase: 'Pending',
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes have a free GPU' },
        ],
      },
      'Pending, not ready, on no node, 5m',
      ['Unschedulable: 0/3 nodes have a free GPU'],
    ],
    [
      'ends again and again',
      {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'runtime',
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
            lastState: { terminated: { exitCode: 1, reason: 'Error', message: 'MODEL_CORRUPT: not an\nONNX file\n' } },
          },
        ],
      },
      'Running, not ready, 3 restarts, on node-1, 5m',
      ['CrashLoopBackOff: back-off 40s', 'runtime ended with 1: MODEL_CORRUPT: not an ONNX file'],
    ],
    [
      'ran out of memory and has no words',
      {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'runtime',
            ready: false,
            restartCount: 1,
            state: { running: {} },
            lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
          },
        ],
      },
      'Running, not ready, 1 restart, on node-1, 5m',
      ['runtime ended with 137 (OOMKilled)'],
    ],
    [
      'was evicted',
      { phase: 'Failed', reason: 'Evicted', message: 'disk' },
      'Failed, not ready, on node-1, 5m',
      ['Evicted: disk'],
    ],
  ])('lets a pod that %s speak for itself, and its Deployment fail', async (_, status, words, notes) => {
    const root = await treeFor(healthy, withPod('v2', status));
    expect(find(root, 'Pod', `${V2}-5d9c-b`)).toMatchObject({ health: 'failing', words, notes });
    const deployment = find(root, 'Deployment', V2);
    expect(deployment?.health).toBe('failing');
    expect(deployment?.children[0]?.name).toBe(`${V2}-5d9c-b`);
    expect(treeLines(root, wide).join('\n')).toContain(`│    ${notes[0]}`);
  });

  it('waits for a pod that only starts', async () => {
    const containerStatuses = [
      { name: 'runtime', ready: false, restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } },
    ];
    const root = await treeFor(healthy, withPod('v2', { phase: 'Pending', containerStatuses }));
    expect(find(root, 'Pod', `${V2}-5d9c-b`)).toMatchObject({ health: 'waiting', notes: [] });
  });

  it.each<[string, Change, string, string, Partial<TreeNode>]>([
    [
      'a Deployment that is missing',
      without('Deployment', V2),
      'Deployment',
      V2,
      { health: 'waiting', words: 'not there yet' },
    ],
    [
      'a public Service with nobody behind it',
      without('EndpointSlice', 'digits-x1'),
      'Service',
      'digits',
      { health: 'failing' },
    ],
    [
      'a Deployment of somebody else under our name',
      replaced('Deployment', V2, { metadata: stored('Deployment', V2).metadata }),
      'Deployment',
      V2,
      { health: 'failing', words: 'not ours' },
    ],
    [
      'a table that is none',
      replaced('ConfigMap', 'digits-traffic', { data: { 'traffic.json': '{}' } }),
      'ConfigMap',
      'digits-traffic',
      { health: 'failing', words: 'traffic table, not readable' },
    ],
    [
      'a Deployment that makes no progress',
      replaced('Deployment', V2, {
        status: { conditions: [{ type: 'Progressing', status: 'False', reason: 'Late', message: 'too late' }] },
      }),
      'Deployment',
      V2,
      { health: 'failing', words: '0 of 2 replicas ready', notes: ['Late: too late'] },
    ],
  ])('shows %s', async (_, change, kind, name, expected) => {
    const root = await treeFor(healthy, change);
    expect(all(root).filter((node) => node.kind === kind && node.name === name)).toEqual([
      expect.objectContaining(expected),
    ]);
  });

  it('leaves out pods that bear our labels and are not ours', async () => {
    const stray = { ...pod('v1', 'z'), metadata: { ...pod('v1', 'z').metadata, ownerReferences: [] } };
    expect(find(await treeFor(healthy, (objects) => [...objects, stray]), 'Pod', stray.metadata.name)).toBeUndefined();
  });

  it('names what may not be read, counts ready pods in its place, and shows the rest', async () => {
    const no = new KubeError('Forbidden', 'no', { status: 403 });
    const root = await treeFor(healthy, (objects) => objects, { endpointslices: no, deployments: no });
    expect(root.notes).toEqual([
      'Deployments cannot be read and are left out: no',
      'EndpointSlices cannot be read and are left out: no',
    ]);
    expect(find(root, 'Service', V1)?.words).toBe('headless, 2 ready endpoints');
    expect(find(root, 'Deployment', V1)).toBeUndefined();
    expect(find(root, 'Pod', `${V1}-5d9c-a`)).toBeDefined();
  });

  it('shows the first of many pods, the failing ones before all, and counts the rest', async () => {
    const many = Array.from({ length: 600 }, (_, at) => pod('v1', `m${at}`));
    const bad = pod('v1', 'zz', { phase: 'Failed', reason: 'Evicted' });
    const root = await treeFor(healthy, (objects) => [...objects, ...many, bad]);
    expect(find(root, 'Deployment', V1)?.children).toHaveLength(603);
    const lines = treeLines(root, wide);
    const at = lines.findIndex((line) => line.includes(`Deployment ${V1}`));
    expect(lines[at + 1]).toBe(`│  │  ├─ ✗ Pod ${V1}-5d9c-zz  Failed, not ready, on node-1, 5m`);
    expect(lines[at + 12]).toBe('│  │  └─ 593 more pods: 593 fine');
  });

  it('shows versions that are no longer listed and still serve, and their failure', async () => {
    const failure = { code: 'MODEL_CORRUPT', message: 'not an ONNX file' };
    const leaving = { name: 'v0', phase: 'Failed', replicas: 1, traffic: 100, trafficInForce: 50, failure };
    const root = await treeFor(md({ status: { ...HEALTHY, versions: [...HEALTHY.versions, leaving] } }));
    expect(find(root, 'Version', 'v0')).toMatchObject({
      health: 'failing',
      words: 'no longer listed, Failed, 100% (50% in force)',
      notes: ['MODEL_CORRUPT: not an ONNX file'],
    });
  });

  it.each([120, 60, 30])('keeps to %i columns, with colours and without', async (width) => {
    const notes = `LONG: ${'many words '.repeat(300)}`;
    const root = await treeFor(healthy, withPod('v2', { phase: 'Failed', reason: 'Evicted', message: notes }));
    const plain = treeLines(root, { width, paint: plainPaint });
    expect(Math.max(...plain.map(visibleWidth))).toBeLessThanOrEqual(width);
    expect(treeLines(root, { width, paint: colorPaint }).map(visibleWidth)).toEqual(plain.map(visibleWidth));
    expect(plain.filter((line) => line.includes('many words')).length).toBeLessThanOrEqual(6);
  });
});

describe('the autoscaler', () => {
  const autoscaled = md({
    spec: {
      versions: [{ name: 'v1', model: { uri: 's3://models/1.onnx' } }],
      serving: { autoscaling: { min: 2, max: 5 }, resources: { requests: { cpu: '1' } } },
    },
  });
  const said = (status: object) => replaced('HorizontalPodAutoscaler', V1, { status });

  it.each<[string, Change, Partial<TreeNode>]>([
    ['at rest', said({ currentReplicas: 2, desiredReplicas: 2 }), { health: 'ok', words: '2 to 5, now 2' }],
    [
      'on its way',
      said({ currentReplicas: 2, desiredReplicas: 4 }),
      { health: 'ok', words: '2 to 5, now 2, going to 4' },
    ],
    [
      'that sees nothing',
      said({
        currentReplicas: 2,
        conditions: [
          { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'no metrics' },
        ],
      }),
      { health: 'failing', notes: ['FailedGetResourceMetric: no metrics'] },
    ],
    ['not there', without('HorizontalPodAutoscaler', V1), { health: 'waiting', words: 'not there yet' }],
  ])('%s', async (_, change, expected) => {
    expect(find(await treeFor(autoscaled, change), 'HorizontalPodAutoscaler', V1)).toMatchObject(expected);
  });
});
