/** Replicas follow the CPU that users cost: more under load, fewer after it, and nobody notices either. */
import { expect, it } from 'vitest';
import { Crowd } from '../harness/crowd.ts';
import { Digits, type Spec } from '../harness/digits.ts';

const AT_ONCE = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] };

const spec: Spec = {
  serving: {
    replicas: undefined,
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    autoscaling: { min: 1, max: 3, metrics: [{ cpu: 60 }], behavior: { scaleUp: AT_ONCE, scaleDown: AT_ONCE } },
  },
};

/** Other clusters look less often, and not at pods younger than 5 minutes. */
const PATIENCE_MS = 600_000;

it('grows under load and shrinks after it', { timeout: 3 * PATIENCE_MS }, async () => {
  await using digits = await Digits.served('autoscaling', { v1: 100 }, spec);
  await digits.stands(1);
  await using some = await Crowd.of(digits, { callers: 1, pauseMs: 200 });
  await using many = await Crowd.of(digits, { callers: 8 });
  await digits.stands(3, PATIENCE_MS);
  await many.answered(500);
  await many.stop();
  await digits.stands(1, PATIENCE_MS);
  await some.stop();
  for (const crowd of [many, some]) {
    expect(crowd.failures).toEqual([]);
    expect(crowd.report().at(-1)).toMatchObject({ resent: 0, refused: 0, failed: 0 });
  }
});
