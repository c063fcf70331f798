import { describe, expect, it } from 'vitest';
import { type ListOptions, listLines } from '../../../cli/cluster/list-table.ts';
import { ageText, shareWords, shortDigest, shortUri } from '../../../cli/cluster/words.ts';
import { colorPaint, plainPaint, visibleWidth } from '../../../cli/output.ts';
import { condition, HEALTHY, md, NOW } from './support.ts';

const WHY = 'v2: pod digits-v2-1f2e3d4c-x cannot be scheduled: 0 of 3 nodes have a free NVIDIA-H200';

const failing = md({
  name: 'faces',
  metadata: { namespace: 'vision' },
  status: {
    ...HEALTHY,
    traffic: 'v1:100',
    conditions: [condition('Ready', 'False', `${WHY}\n`)],
    versions: [
      { name: 'v1', phase: 'Ready', replicas: 2, readyReplicas: 2 },
      { name: 'v2', phase: 'Pending', replicas: 2 },
    ],
    rollout: { id: 'r1', phase: 'Progressing', step: 0, since: '2026-11-21T05:01:00Z', from: {} },
  },
});

const options = (more: Partial<ListOptions> = {}): ListOptions => ({
  now: NOW,
  namespaces: false,
  width: 200,
  paint: plainPaint,
  ...more,
});

describe('the list', () => {
  it('tells of each what is in force, what is ready and what to look at next', () => {
    const lines = listLines([md({ status: HEALTHY }), failing], options({ namespaces: true }));
    expect(lines).toEqual([
      'NAMESPACE  NAME    READY  TRAFFIC      VERSIONS        ROLLOUT      AGE  MESSAGE',
      'models     digits  True   v1:90 v2:10  v1 2/2, v2 2/2  –            5m   all is as asked for',
      `vision     faces   False  v1:100       v1 2/2, v2 0/2  Progressing  5m   ${WHY}`,
    ]);
  });

  it.each([
    ['nobody looked at it', md(), /digits +– .*no status yet: does the operator run\?$/],
    [
      'the status is of an older spec',
      md({ status: HEALTHY, metadata: { generation: 2 } }),
      /True \(old\) .*the newest spec was not looked at yet$/,
    ],
    [
      'it is on its way out',
      md({ status: HEALTHY, metadata: { deletionTimestamp: '2026-11-21T05:04:00Z' } }),
      /being deleted$/,
    ],
  ])('says so when %s', (_, object, said) => {
    expect(listLines([object], options())[1]).toMatch(said);
  });

  it.each([100, 80, 60, 40])('keeps to %i columns and leaves room for the message', (width) => {
    const lines = listLines([md({ status: HEALTHY }), failing], options({ width }));
    expect(Math.max(...lines.map(visibleWidth))).toBeLessThanOrEqual(width);
    expect(lines[0]).toMatch(/^NAME {4}READY .*MESSAGE$/);
    if (width > 40) expect(lines[2]).toContain('v2: pod digits-v2-1f2e3');
  });

  it('has the failing message in red, and only that', () => {
    const lines = listLines([md({ status: HEALTHY }), failing], options({ paint: colorPaint }));
    expect(lines[2]).toContain(colorPaint('red', WHY));
    expect(lines[1]).toContain('all is as asked for');
    expect(lines[1]).not.toContain(colorPaint('red', 'x').slice(0, 4));
  });
});

it.each([
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [7_200_000, '2h'],
  [172_800_000, '2d'],
  [800 * 86_400_000, '2y'],
  [-5_000, '0s'],
])('an age of %i ms is %s', (ms, text) => {
  expect(ageText(new Date(NOW - ms).toISOString(), NOW)).toBe(text);
});

it('has a word for an age that nobody knows', () => {
  expect([ageText(undefined, NOW), ageText('soon', NOW)]).toEqual(['–', '–']);
});

it.each([
  [90, 90, '90%'],
  [100, 50, '100% (50% in force)'],
  [12.5, undefined, '12.5% (not known to be in force)'],
  [undefined, undefined, 'share not known'],
])('a share of %s with %s in force is %s', (wanted, inForce, text) => {
  expect(shareWords(wanted, inForce)).toBe(text);
});

it.each([
  ['s3://models/digits/2/model.onnx', '…/2/model.onnx'],
  ['pvc://models/model.onnx', 'models/model.onnx'],
  ['model.onnx', 'model.onnx'],
])('%s is short %s', (uri, text) => {
  expect(shortUri(uri)).toBe(text);
});

it('a digest is short with or without its kind', () => {
  expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});
