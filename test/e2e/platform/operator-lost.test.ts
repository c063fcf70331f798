/** The operator is lost in the middle of a walk: whoever follows ends it as if nothing had happened. */
import { expect, it } from 'vitest';
import { RELEASE } from '../harness/chart.ts';
import { Crowd } from '../harness/crowd.ts';
import { Digits, type Spec } from '../harness/digits.ts';
import { killPod } from '../harness/kill.ts';
import { kubectl } from '../harness/kubectl.ts';
import { followed, type Leader, leads, scaleOperator } from '../harness/operators.ts';
import { WalkWatch } from '../harness/walk.ts';

const ROLLOUT: Spec = {
  rollout: {
    steps: [
      { traffic: 10, hold: '1s' },
      { traffic: 40, hold: '5s' },
      { traffic: 70, hold: '1s' },
    ],
    analysis: {
      interval: '1s',
      minSamples: 20,
      deadline: '5m',
      checks: [
        { metric: 'error-rate', max: 0.01 },
        { metric: 'disagreement', max: 0.1 },
      ],
      mirror: 20,
    },
  },
};

const LOSSES: Record<string, (leader: Leader) => Promise<unknown>> = {
  deleted: ({ pod }) => kubectl(RELEASE)('delete', 'pod', pod, '--wait=false'),
  'killed with -9': ({ pod }) => killPod(RELEASE, pod),
};

it.each(Object.entries(LOSSES))(
  'the leader is %s in the middle of a walk, which ends as if nothing had happened',
  async (_, lose) => {
    await using digits = await Digits.served('lost', { v1: 100 }, ROLLOUT);
    await using walk = await WalkWatch.of(digits);
    await using users = await Crowd.of(digits, { callers: 4, pauseMs: 20 });
    await digits.apply({ v1: 0, v2: 100 }, ROLLOUT);
    const { rollout } = await digits.until('it is past its first step', (status) => (status.rollout?.step ?? 0) > 0);
    const lost = await leads();
    await lose(lost);
    await followed(lost);
    const ended = await digits.walked('v2', 'Completed');
    await digits.serves('v2:100');
    await users.stop();
    await walk.sees(ended);

    expect(ended).toMatchObject({ id: rollout?.id, reason: 'StepsDone' });
    expect(walk.steps(rollout?.id ?? '')).toEqual([0, 1, 2, 3]);
    expect(walk.phases(rollout?.id ?? '')).toEqual(['Progressing', 'Completed']);
    expect(users.failures).toEqual([]);
    expect(users.resent).toEqual([]);
  },
);

it('without any operator models serve on, and the next operator does what was asked for meanwhile', async () => {
  await using digits = await Digits.served('nobody', { v1: 90, v2: 10 });
  await using users = await Crowd.of(digits, { callers: 4, pauseMs: 20 });
  await scaleOperator(0);
  await digits.apply({ v1: 10, v2: 90 });
  const [pod] = await digits.pods('v1');
  await digits.kubectl('delete', 'pod', pod?.metadata.name ?? '');
  const all = ['pods', '--selector=modelship.dev/model=digits', '--for=condition=Ready'];
  await digits.kubectl('wait', ...all, '--timeout=90s');
  await scaleOperator(2);
  await digits.serves('v1:10 v2:90');
  await users.stop();
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
});
