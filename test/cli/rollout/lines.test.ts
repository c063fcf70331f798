import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../../api/status.ts';
import { colorPaint, plainPaint, visibleWidth } from '../../../cli/output.ts';
import { pictureLines } from '../../../cli/rollout/lines.ts';
import type { RolloutView } from '../../../cli/rollout/view.ts';
import { APPROVAL, COMPLETED, HOLDING, NOW, ROLLED_BACK, SPEC, viewOf } from './fixtures.ts';

const picture = (view: RolloutView, width = 100) =>
  pictureLines(view, { now: NOW, width, paint: plainPaint, invoked: 'modelship', where: ' --namespace models' });

describe('the picture of a rollout', () => {
  it('shows steps, shares wanted and seen, checks with number and bound, and the time left', () => {
    expect(`\n${picture(viewOf(HOLDING)).join('\n')}\n`).toBe(`
digits  Progressing: Holding, step 2 of 3
v1 100% → 0%, v2 0% → 100% (rollout 3f2a9c01-lq3, started 3m ago)
step 2 of 3 (v1 75%, v2 25%) is held for 5m

   STEP  MOVED   v1    v2  HOLD
✓  1        5%  95%    5%    2m
▶  2       25%  75%   25%    5m
·  3       50%  50%   50%     –  needs approval
·  end    100%   0%  100%     –

VERSION      PHASE  READY  WANTED   SEEN
v1 (stable)  Ready    2/2     75%    75%
v2           Ready    1/1     25%  24.6%

✓ Pass error-rate: error rate 0.0004 over 2,410 requests, allowed 0.01
… Inconclusive disagreement 0.031 over 96 mirrored requests, allowed 0.05

4m 10s of 5m left of the hold
`);
  });

  it.each<[string, RolloutView, (string | RegExp)[]]>([
    [
      'an approval, with what to say',
      viewOf(APPROVAL),
      [
        '▶  3       50%  50%   50%     –  needs approval',
        '  modelship rollout approve digits --namespace models',
        '  modelship rollout abort digits --namespace models',
      ],
    ],
    ['an approval that was given', viewOf({ ...APPROVAL, approved: 2 }), [/^▶ {2}3 .* approved$/]],
    [
      'a pause that came by itself',
      viewOf({ ...HOLDING, phase: 'Paused', reason: 'Inconclusive' }),
      ['  modelship rollout resume digits --namespace models', '  modelship rollout promote digits --namespace models'],
    ],
    [
      'a rollback, at which step and why',
      viewOf(ROLLED_BACK),
      [
        'digits  RolledBack: CheckFailed, step 2 of 3',
        /^✗ {2}2 /,
        '✗ Fail disagreement 0.213 over 1,204 mirrored requests, allowed 0.05',
      ],
    ],
    ['the end', viewOf(COMPLETED), ['digits  Completed: StepsDone, the end', /^✓ {2}end /]],
    [
      'a step that is not in force, and until when it may take',
      viewOf({ ...HOLDING, reason: 'WaitingForCapacity', since: undefined }),
      [/^▶ {2}2 .* not in force yet$/, '9m 05s of 10m left until the deadline for this step to be in force'],
    ],
    [
      'a wait for samples, and until when',
      viewOf({ ...HOLDING, reason: 'Analyzing', since: '2026-11-21T04:50:00Z' }),
      ['17m of 30m left until the deadline for enough samples'],
    ],
    [
      'a version that fails',
      viewOf(HOLDING, { versions: [{ name: 'v2', phase: 'Failed', wanted: 25, failure: 'MODEL_CORRUPT: no ONNX' }] }),
      [/^v2 +Failed +– +25% +– +MODEL_CORRUPT: no ONNX$/],
    ],
    [
      'what is waited for',
      viewOf(HOLDING, { waiting: ['v2: no pod can be scheduled'] }),
      ['waits: v2: no pod can be scheduled'],
    ],
    ['that there was none yet', viewOf(undefined), ['digits: no rollout yet']],
    ['that there can be none', viewOf(undefined, { spec: undefined }), ['digits: no rollout, and its spec has none']],
  ])('shows %s', (_, view, lines) => {
    const shown = picture(view);
    for (const line of lines) {
      expect(shown).toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line));
    }
  });

  it('leaves the steps out where the spec is not the one that is walked', () => {
    const edited = { ...SPEC, steps: SPEC.steps.slice(1) };
    expect(picture(viewOf(HOLDING, { spec: edited })).join('\n')).not.toContain('STEP');
  });

  it('leaves steps out that the walk skips: half of the requests move at most', () => {
    const half: RolloutStatus = { ...HOLDING, to: { v1: 5_000, v2: 5_000 }, steps: 2 };
    const rows = picture(viewOf(half)).filter((line) => /^[✓▶·] {2}/.test(line));
    expect(rows).toEqual([
      '✓  1        5%  95%   5%    2m',
      '▶  2       25%  75%  25%    5m',
      '·  end     50%  50%  50%     –',
    ]);
  });

  it.each([30, 44, 60, 80, 200])('is never wider than %i columns, in colours too', (width) => {
    for (const rollout of [HOLDING, APPROVAL, ROLLED_BACK, COMPLETED, undefined]) {
      const view = viewOf(rollout, { name: 'a-rather-long-name-of-a-model', waiting: ['x'.repeat(300)] });
      const options = { now: NOW, width, invoked: 'node cli/modelship.mjs', where: ' --namespace models' };
      const colored = pictureLines(view, { ...options, paint: colorPaint });
      expect(Math.max(...colored.map(visibleWidth))).toBeLessThanOrEqual(width);
      const plain = pictureLines(view, { ...options, paint: plainPaint });
      expect(colored.map((line) => stripVTControlCharacters(line).trimEnd())).toEqual(plain);
    }
  });
});
