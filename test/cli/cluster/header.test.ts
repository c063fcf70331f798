import { describe, expect, it } from 'vitest';
import { headerLines } from '../../../cli/cluster/header.ts';
import type { ModelDeploymentObject } from '../../../cli/cluster/objects.ts';
import { plainPaint, visibleWidth } from '../../../cli/output.ts';
import { HOLDING, SPEC } from '../rollout/fixtures.ts';
import { condition, HEALTHY, md, NOW } from './support.ts';

const healthy = md({ status: HEALTHY });

describe('the header', () => {
  const text = (object: ModelDeploymentObject, width = 120) => headerLines(object, NOW, { width, paint: plainPaint });

  it('says what is well in few words', () => {
    expect(text(healthy)).toEqual([
      'Name       digits',
      'Namespace  models',
      'Age        5m',
      'URL        http://digits.models.svc:8080',
      'Traffic    v1:90 v2:10',
      'Available  yes (Because)',
      'Ready      yes: all is as asked for',
    ]);
  });

  it('says what is not, and what to do next', () => {
    const status = {
      ...HEALTHY,
      conditions: [
        condition('Accepted', 'False', 'v2 was there with another model'),
        condition('Available', 'True'),
        condition('Ready', 'False', 'v2 waits'),
        condition('Reconciling', 'True', 'moving'),
        condition('Stalled', 'True', 'rolled back'),
      ],
      rollout: {
        ...HOLDING,
        phase: 'RolledBack',
        reason: 'CheckFailed',
        message: 'v2: error-rate 0.2 over 1,000 requests, allowed 0.01',
        checks: [{ name: 'error-rate', verdict: 'Fail', message: '0.2 > 0.01' }],
      },
      blockedBy: 'a node with a free GPU',
    };
    const lines = text(md({ status, metadata: { generation: 3 } }));
    expect(lines.slice(5)).toEqual([
      'Status       of generation 1; the spec is at 3, which the operator has not looked at yet',
      'Accepted     no: v2 was there with another model',
      'Available    yes (Because)',
      'Ready        no: v2 waits',
      'Reconciling  yes: moving',
      'Stalled      yes: rolled back',
      'Rollout      RolledBack (CheckFailed), step 2 of 3',
      '             v2: error-rate 0.2 over 1,000 requests, allowed 0.01',
      'Walk         v1 100% → 0%, v2 0% → 100%',
      'Check        Fail error-rate: 0.2 > 0.01',
      'Blocked by   a node with a free GPU',
    ]);
  });

  it('shows a rollout with its steps, and how long one is in force', () => {
    const { spec } = md();
    const lines = text(md({ spec: { ...spec, rollout: SPEC }, status: { ...HEALTHY, rollout: HOLDING } }));
    expect(lines.slice(7)).toEqual([
      'Rollout    Progressing (Holding), step 2 of 3, in force for 2m',
      '           step 2 of 3 (v1 75%, v2 25%) is held for 5m',
      'Walk       v1 100% → 0%, v2 0% → 100%',
      'Steps      ✓ 5% (holds 2m) ▶ 25% (holds 5m) · 50% (needs approval) · 100%',
      'Check      Pass error-rate: error rate 0.0004 over 2,410 requests, allowed 0.01',
      'Check      Inconclusive disagreement 0.031 over 96 mirrored requests, allowed 0.05',
    ]);
  });

  it('asks for the operator where nobody looked', () => {
    expect(text(md())).toContainEqual(
      expect.stringMatching(/^Status +none yet: the operator has not looked at it\. Does it run/),
    );
    expect(Math.max(...text(md(), 50).map(visibleWidth))).toBeLessThanOrEqual(50);
  });
});
