import { describe, expect, it } from 'vitest';
import type { ModelDeploymentSpec } from '../../../api/model-deployment.ts';
import type { RevisionObject } from '../../../cli/cluster/objects.ts';
import { changesOf, readRevisions, revisionLines, revisionsOf } from '../../../cli/cluster/revisions.ts';
import { colorPaint, plainPaint, visibleWidth } from '../../../cli/output.ts';
import { md, NOW, reader, stored } from './support.ts';

type Version = ModelDeploymentSpec['versions'][number];

const version = (name: string, fields: Partial<Version> = {}): Version => ({
  name,
  model: { uri: `s3://models/digits/${name.slice(1)}/model.onnx` },
  ...fields,
});

const spec = (versions: Version[], fields: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  versions,
  ...fields,
});

const ONE = spec([version('v1', { traffic: 100 })]);
const TWO = spec([version('v1', { traffic: 90 }), version('v2', { traffic: 10 })]);
const HALF = spec([version('v1', { traffic: 50 }), version('v2', { traffic: 50 })]);
const NEW = spec([version('v2')]);

describe('what a change changed', () => {
  it.each<[string, ModelDeploymentSpec, ModelDeploymentSpec, string[]]>([
    ['nothing', TWO, structuredClone(TWO), []],
    ['a version more', ONE, TWO, ['+v2', 'v1 100→90']],
    ['the split', TWO, HALF, ['v1 90→50', 'v2 10→50']],
    ['a version less, whose share is not stated', HALF, NEW, ['-v1', 'v2 50→100']],
    [
      'another model under a name',
      ONE,
      spec([version('v1', { model: { uri: 's3://x' }, traffic: 100 })]),
      ['v1 model changed'],
    ],
    ['how all are served', ONE, { ...ONE, serving: { replicas: 3 } }, ['serving changed']],
    [
      'how one is served',
      ONE,
      spec([version('v1', { traffic: 100, serving: { replicas: 3 } })]),
      ['v1 serving changed'],
    ],
    [
      'copies',
      spec([version('v1'), version('v2', { shadow: 5 })]),
      spec([version('v1'), version('v2', { shadow: 20 })]),
      ['v2 shadow 5→20'],
    ],
    [
      'all else',
      ONE,
      { ...ONE, cohort: { header: 'x-user' }, rollout: { steps: [{ traffic: 5 }] }, retireAfter: '1m' },
      ['cohort changed', 'rollout changed', 'retireAfter changed'],
    ],
    [
      'only the order of keys',
      { ...ONE, serving: { replicas: 2, protocols: ['rest'] } },
      { ...ONE, serving: { protocols: ['rest'], replicas: 2 } },
      [],
    ],
  ])('%s', (_, before, after, said) => {
    expect(changesOf(before, after)).toEqual(said);
  });
});

const acceptedAt = (time: string) => ({ 'modelship.dev/accepted-at': time });

const revision = (
  number: number,
  data: RevisionObject['data'],
  owner = md().metadata.uid,
  annotations: Record<string, string> = {},
): RevisionObject => ({
  ...stored('ControllerRevision', `digits-r${number}`, {
    annotations,
    labels: { 'modelship.dev/model': 'digits' },
    ownerReferences: [{ apiVersion: 'x', kind: 'ModelDeployment', name: 'digits', uid: owner }],
  }),
  revision: number,
  data,
});

const KEPT = [
  revision(9, { spec: HALF }, undefined, acceptedAt('2026-11-21T05:04:00Z')),
  revision(10, { spec: NEW, leaving: [{ name: 'v1', model: { uri: 's3://x' }, serving: {} }] }),
  revision(8, { spec: TWO }, undefined, acceptedAt('2026-11-21T04:05:00Z')),
];

describe('the history', () => {
  it('has the newest first, marks the one that counts, and tells the changes', () => {
    const lines = revisionLines(revisionsOf(KEPT), { now: NOW, width: 200, paint: plainPaint });
    expect(lines).toEqual([
      'REVISION  WHEN  TRAFFIC      CHANGE              VERSIONS',
      '10 (now)  5m    v2:100       -v1, v2 50→100      v2=…/2/model.onnx, v1 leaving',
      '9         60s   v1:50 v2:50  v1 90→50, v2 10→50  v1=…/1/model.onnx, v2=…/2/model.onnx',
      '8         60m   v1:90 v2:10  oldest kept         v1=…/1/model.onnx, v2=…/2/model.onnx',
    ]);
  });

  it('keeps to the width', () => {
    const lines = revisionLines(revisionsOf(KEPT), { now: NOW, width: 60, paint: colorPaint });
    expect(Math.max(...lines.map(visibleWidth))).toBeLessThanOrEqual(60);
  });

  it('reads only those of this very ModelDeployment, and skips what has no spec', async () => {
    const others = [revision(11, { spec: ONE }, 'uid-of-the-one-before'), revision(12, undefined)];
    const read = await readRevisions(reader([...KEPT, ...others]), md());
    expect(read.map((each) => [each.revision, each.current])).toEqual([
      [10, true],
      [9, false],
      [8, false],
    ]);
  });
});
