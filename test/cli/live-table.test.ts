import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../api/status.ts';
import { render, renderLines } from '../../cli/live-table.ts';
import { colorPaint, visibleWidth } from '../../cli/output.ts';
import type { DeploymentView } from '../../local/snapshot.ts';
import { snapshotOf, versionView } from './support.ts';

const busy = snapshotOf(
  [
    versionView('v1', {
      wanted: 90,
      share: 90,
      observed: 89.74,
      requestsPerSecond: 1204.4,
      p50: 0.00084,
      p99: 0.0123,
      requests: 1_234_567,
    }),
    versionView('v2', {
      wanted: 10,
      share: 10,
      observed: 10.26,
      requestsPerSecond: 7.25,
      p50: 0.0009,
      p99: 2.5,
      requests: 81_034,
      errors: 12,
      errorsPerSecond: 0.5,
      shielded: 12,
      restarts: 1,
      cause: 'ended by SIGKILL',
    }),
  ],
  {
    total: {
      requestsPerSecond: 1211.6,
      errorsPerSecond: 0.5,
      p50: 0.00085,
      p99: 0.02,
      requests: 1_315_601,
      errors: 12,
    },
  },
);

const moving = snapshotOf(
  [
    versionView('v1', { wanted: 0, share: 75, observed: 75, requestsPerSecond: 3 }),
    versionView('v2', { wanted: 100, share: 25, observed: 25, requestsPerSecond: 1 }),
    versionView('v3', { wanted: 0, share: 0, shadow: 20, phase: 'Failed', cause: 'MODEL_CORRUPT: not an ONNX file' }),
  ],
  { phase: 'Moving', waiting: ['v3 is not ready; the split v2 100% takes effect when it is'] },
);

const walk: RolloutStatus = {
  id: '3f2a9c01-t85s00',
  target: '3f2a9c01',
  phase: 'Progressing',
  reason: 'Analyzing',
  message: 'step 1 of 2 (v1 75%, v2 25%): v2: error-rate: 45 of 100 requests',
  step: 0,
  steps: 2,
  startedAt: '2026-01-01T00:00:00Z',
  movedAt: '2026-01-01T00:00:00Z',
  from: { v1: 10_000 },
  to: { v2: 10_000 },
  stable: 'v1',
};

describe('a rollout in the live table', () => {
  const [deployment] = moving.deployments;
  const shown = (rollout: RolloutStatus, more: object = {}) =>
    render({ ...moving, deployments: [{ ...(deployment as DeploymentView), ...more, rollout }] }, 120);

  it('is one sentence, said once, while it goes on', () => {
    const text = shown(walk, { waiting: [walk.message] });
    expect(text).toContain(`  rollout Progressing (Analyzing), step 1 of 2: ${walk.message}`);
    expect(text.split(walk.message)).toHaveLength(2);
  });

  it('is no more said once it has completed, and the way back is shown where it was taken back', () => {
    expect(shown({ ...walk, phase: 'Completed' })).not.toContain('rollout');
    const taken = { ...walk, phase: 'RolledBack', reason: 'CheckFailed', message: 'v2: error-rate 0.4' } as const;
    const versions = [
      versionView('v1', { wanted: 0, goal: 100, share: 100 }),
      versionView('v2', { wanted: 100, goal: 0, share: 0, phase: 'Withdrawn' }),
    ];
    const text = shown(taken, { versions });
    expect(text).toContain('rollout RolledBack (CheckFailed), step 1 of 2: v2: error-rate 0.4');
    expect(text).toMatch(/v1 +Ready +100% /);
    expect(text).toMatch(/v2 +Withdrawn +0% /);
  });
});

describe('the live table', () => {
  it('shows everything at 120 columns', () => {
    expect(`\n${render(busy, 120, { footer: 'Ctrl-C drains and stops' })}\n`).toBe(`
digits  Serving  http://127.0.0.1:8080
VERSION  PHASE      SHARE  OBSERVED   REQ/S      P50      P99  ERRORS  REQUESTS
v1       Ready        90%     89.7%   1,204  0.84 ms  12.3 ms       0      1.2M
v2       Ready (1)    10%     10.3%     7.3  0.90 ms   2.50 s      12    81,034
all                                   1,212  0.85 ms  20.0 ms      12      1.3M
  v2 is back; before: ended by SIGKILL
  v2: 12 requests drawn for it answered by another version

Ctrl-C drains and stops
`);
  });

  it('fits 80 columns with what was asked for, and leaves out the rest', () => {
    const [, titles, first] = renderLines(moving, { width: 80 });
    expect(titles).toBe('VERSION  PHASE        SHARE  OBSERVED   REQ/S      P50      P99  ERRORS');
    expect(first).toBe('v1       Ready     75% → 0%     75.0%     3.0        –        –       0');
  });

  it('keeps who, how and how much at 40 columns', () => {
    expect(`\n${render(busy, 40)}\n`).toBe(`
digits  Serving  http://127.0.0.1:8080
VERSION  PHASE      SHARE  OBSERVED
v1       Ready        90%     89.7%
v2       Ready (1)    10%     10.3%
all
  v2 is back; before: ended by SIGKILL
  v2: 12 requests drawn for it answered
  by another version

`);
  });

  it('says where a split is on its way to, who only gets copies, and what is waited for', () => {
    const text = render(moving, 120);
    expect(text).toContain('25% → 100%');
    expect(text).toMatch(/v3 +Failed +copies 20%/);
    expect(text).toContain('  v3: MODEL_CORRUPT: not an ONNX file');
    expect(text).toContain('  v3 is not ready; the split v2 100% takes effect when it is');
  });

  it.each([1, 5, 12, 20, 33, 40, 57, 80, 120, 300])('is never wider than %i columns, colours or not', (width) => {
    for (const snapshot of [busy, moving]) {
      const footer = 'Ctrl-C drains and stops';
      const plain = renderLines(snapshot, { width, footer });
      expect(Math.max(...plain.map(visibleWidth))).toBeLessThanOrEqual(width);
      const coloured = renderLines(snapshot, { width, footer, paint: colorPaint });
      expect(coloured.map((line) => stripVTControlCharacters(line).trimEnd())).toEqual(plain.map((l) => l.trimEnd()));
    }
  });

  it('keeps its columns where they are when traffic begins', () => {
    const titlesOf = (fields: Parameters<typeof versionView>[1]) =>
      renderLines(snapshotOf([versionView('v1', fields)]), { width: 120 })[1];
    const idle = titlesOf({});
    expect(titlesOf({ observed: 100, requestsPerSecond: 1204, p50: 0.0008, p99: 0.0123, requests: 500 })).toBe(idle);
  });

  it('ends without reproach: a stopped run waits for nothing', () => {
    const stopped = snapshotOf([versionView('v1', { phase: 'Retiring' })], { phase: 'Stopped', waiting: ['v1 …'] });
    expect(render(stopped, 80)).toMatch(/v1 +Stopped +100%/);
    expect(render(stopped, 80)).not.toContain('v1 …');
  });
});
