/** A walk under load: v3, which mixes up digits, is taken back by its analysis; v2 completes. */
import { expect, it } from 'vitest';
import { Crowd } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';

/** Two steps, a look each second, and bounds that v2 keeps on a busy machine. */
const rollout = {
  steps: [{ traffic: 20 }, { traffic: 50 }],
  analysis: {
    interval: '1s',
    minSamples: 100,
    deadline: '120s',
    mirror: 50,
    checks: [{ metric: 'disagreement' as const, max: 0.12 }],
  },
};

it('takes v3 back with the numbers, and lets v2 pass, while no user loses anything', async () => {
  await using digits = await Digits.served('rollback', { v1: 100 }, { rollout });
  await using users = await Crowd.of(digits, { callers: 4, pauseMs: 10 });

  await digits.apply({ v3: 100 }, { rollout }, { v3: 'failing' });
  const back = await digits.walked('v3', 'RolledBack');
  expect(back).toMatchObject({ reason: 'CheckFailed', stable: 'v1', to: { v3: 10_000 } });
  expect(back.message).toMatch(
    /^v3: disagreement 0\.\d+ over [\d,]+ mirrored requests, allowed 0\.12; back to v1 100%/,
  );
  expect(await digits.told('RolledBack')).toEqual([`rolled back at step 1 of 2: ${back.message}`]);
  await digits.serves('v1:100');
  expect(new Set((await users.answered(200)).map(({ version }) => version))).toEqual(new Set(['v1']));

  await digits.apply({ v2: 100 }, { rollout });
  expect(await digits.walked('v2', 'Completed')).toMatchObject({ reason: 'StepsDone', to: { v2: 10_000 } });
  await digits.serves('v2:100');
  expect(new Set((await users.answered(200)).map(({ version }) => version))).toEqual(new Set(['v2']));

  await users.stop();
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
});
