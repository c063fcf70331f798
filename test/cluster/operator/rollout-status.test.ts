/** What stands in the status of a rollout when somebody else writes there: nothing is served that was not walked to. */
import { describe, expect, it } from 'vitest';
import type { Rollout } from '../../../api/rollout.ts';
import { CONFIG_MAPS, MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { Api } from '../../faults/api.ts';
import { useCluster } from '../harness/cluster.ts';
import { version } from '../harness/models.ts';
import type { World } from '../harness/operator.ts';
import { command, completedTo, inPhase, type Served, served, sharesIn, statusesOf } from '../harness/rollouts.ts';
import { follow } from '../harness/seen.ts';

const SLOW = { timeoutMs: 40_000 };
const LONG_AGO = '2026-01-01T00:00:00Z';

/** As `kubectl patch --subresource=status --type=merge`. */
async function writeStatus({ namespace }: World, status: object | null): Promise<void> {
  const api = new Api(useCluster());
  const path = `/apis/modelship.dev/v1alpha1/namespaces/${namespace}/modeldeployments/digits/status`;
  try {
    await api.must('PATCH', path, { status }, 'application/merge-patch+json');
  } finally {
    api.close();
  }
}

/** v3 was taken back, v1 serves. @returns the id of the walk */
async function rolledBack({ world, traffic, apply }: Served): Promise<string | undefined> {
  traffic.behaviours.v3 = { differing: 0.4 };
  await apply(version('v1', 0), version('v3', 100));
  const back = await world.until('it is taken back', (s) => inPhase('RolledBack')(s) && s.traffic === 'v1:100', SLOW);
  await world.settled(1_000);
  return back.rollout?.id;
}

/** The bad version is walked to once more, and taken back once more. */
async function expectAnotherWalk({ world }: Served, id: string | undefined): Promise<void> {
  const again = await world.until(
    'it is taken back again',
    (s) => inPhase('RolledBack', 'CheckFailed')(s) && s.rollout?.id !== id && s.traffic === 'v1:100',
    SLOW,
  );
  expect(again.rollout?.from).toEqual({ v1: 10_000 });
}

describe('a hand in the status', () => {
  it('that wipes all of it does not put what failed in force', async () => {
    await using here = await served();
    const id = await rolledBack(here);
    await using tables = await follow(here.world.namespace, CONFIG_MAPS);
    await writeStatus(here.world, null);
    await expectAnotherWalk(here, id);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v3:10', 'v1:100']);
  });

  it('whose shares cannot be served is not followed', async () => {
    await using here = await served();
    const id = await rolledBack(here);
    await using tables = await follow(here.world.namespace, CONFIG_MAPS);
    await writeStatus(here.world, { rollout: { from: { v1: 5_000 } } });
    await expectAnotherWalk(here, id);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v3:10', 'v1:100']);
  });

  it('that adds a version to where the walk came from does not add it to the next walk', async () => {
    await using here = await served();
    await rolledBack(here);
    await writeStatus(here.world, { rollout: { from: { v1: 9_000, ghost: 1_000 } } });
    await here.apply(version('v1', 0), version('v4', 100));
    const done = await here.world.until('v4 serves', completedTo('v4:100'), SLOW);
    expect(done).toMatchObject({ traffic: 'v4:100' });
    expect(done.rollout?.from).toEqual({ v1: 10_000 });
  });

  it('that dates a step back shortens that step, and none that follows', async () => {
    const steps: Rollout['steps'] = [
      { traffic: 10, approval: 'required' },
      { traffic: 50, hold: '5s' },
    ];
    await using here = await served({ steps });
    const { world } = here;
    await using models = await follow(world.namespace, MODEL_DEPLOYMENTS);
    await here.apply(version('v1', 0), version('v2', 100));
    await world.until('it waits', inPhase('Paused', 'ApprovalRequired'));
    await writeStatus(world, { rollout: { since: LONG_AGO } });
    await command(world, 'approve');
    await world.until('it is over', completedTo('v2:100'), SLOW);
    const holding = (await statusesOf(models)).filter(inPhase('Progressing', 'Holding'));
    expect(holding.map(({ rollout }) => rollout?.step)).toContain(1);
    expect(holding.map(({ rollout }) => rollout?.since)).not.toContain(LONG_AGO);
  });
});
