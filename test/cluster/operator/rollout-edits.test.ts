/** What people and tools do to a ModelDeployment while it is walked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { CONFIG_MAPS, DEPLOYMENTS, MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { digitsOf, version } from '../harness/models.ts';
import { conditionOf } from '../harness/operator.ts';
import {
  BY_HAND,
  command,
  completedTo,
  eventsOf,
  inPhase,
  served,
  sharesIn,
  versionIn,
  WALK,
} from '../harness/rollouts.ts';
import { follow } from '../harness/seen.ts';

const SLOW = { timeoutMs: 40_000 };
const waitsInForce = (status: Status): boolean =>
  inPhase('Paused', 'ApprovalRequired')(status) && status.rollout?.since !== undefined;
const rolloutIn = ({ status }: StoredObject) =>
  (status as { rollout?: { id: string; step: number } } | undefined)?.rollout;

describe('a tool that applies the manifest over and over', () => {
  it('changes nothing: no walk begins anew, and nobody writes against it', async () => {
    await using here = await served();
    const { world } = here;
    await using models = await follow(world.namespace, MODEL_DEPLOYMENTS);
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    const manifest = digitsOf([version('v1', 0), version('v2', 100)], { retireAfter: '1s', rollout: WALK });
    // The walk does not come to its end before the tool has come often.
    here.traffic.rate = 0;
    let applied = 0;
    let over = false;
    const tool = (async () => {
      for (; !over; applied++) {
        if (applied === 10) here.traffic.rate = 600;
        const metadata = { ...manifest.metadata, namespace: world.namespace };
        const body = { ...manifest, metadata } as never;
        await world.client.apply(MODEL_DEPLOYMENTS, body, { manager: 'argocd-controller', force: true });
        await sleep(200);
      }
    })();
    await world.until('it is over', completedTo('v2:100'), SLOW).finally(() => {
      over = true;
    });
    await tool;
    expect(applied).toBeGreaterThan(10);
    expect((await models.values('digits', (md) => rolloutIn(md)?.id)).filter((id) => id !== undefined)).toHaveLength(1);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v2:10', 'v1:50 v2:50', 'v2:100']);
    const generations = new Set(await models.values('digits', ({ metadata }) => metadata.generation));
    expect(generations.size).toBe(2);
  });
});

describe('an edit in the middle of a walk', () => {
  it('of the split is another target, walked from where it stood', async () => {
    await using here = await served(BY_HAND);
    const { world } = here;
    await here.apply(version('v1', 0), version('v2', 100));
    const { rollout: before } = await world.until('it waits', waitsInForce);
    const patch = JSON.stringify([
      { op: 'replace', path: '/spec/versions/0/traffic', value: 40 },
      { op: 'replace', path: '/spec/versions/1/traffic', value: 60 },
    ]);
    const ran = await kubectl(['patch', 'modeldeployment', 'digits', '--type=json', '-p', patch], {
      namespace: world.namespace,
    });
    expect(ran.code, ran.err).toBe(0);
    const after = await world.until('another walk waits', (s) => waitsInForce(s) && s.rollout?.id !== before?.id);
    expect(after.rollout).toMatchObject({ from: { v1: 9_000, v2: 1_000 }, to: { v1: 4_000, v2: 6_000 } });
    expect(after.rollout?.target).not.toBe(before?.target);
  });

  it('that puts back what was served is a rollback', async () => {
    await using here = await served(BY_HAND);
    const { world } = here;
    await here.apply(version('v1', 0), version('v2', 100));
    await world.until('it waits', waitsInForce);
    await here.apply(version('v1', 100), version('v2', 0));
    const back = await world.untilReady();
    expect(back).toMatchObject({ traffic: 'v1:100', rollout: { phase: 'Completed', reason: 'Reverted' } });
  });

  it('of the table by a hand is put back', async () => {
    await using here = await served(BY_HAND);
    const { world } = here;
    await here.apply(version('v1', 0), version('v2', 100));
    await world.until('it waits', waitsInForce);
    await world.client.delete(CONFIG_MAPS, world.key('digits-traffic'));
    await eventually(
      'the table is back',
      async () => sharesIn((await world.get(CONFIG_MAPS, 'digits-traffic')) ?? {}) === 'v1:90 v2:10',
    );
    await world.settled(1_500);
    expect((await world.status())?.rollout).toMatchObject({ phase: 'Paused', step: 0 });
  });

  it('that deletes the canary by hand: it is made again, and the walk goes on', async () => {
    await using here = await served();
    const { world } = here;
    await using tables = await follow(world.namespace, CONFIG_MAPS);
    // It stays at its first step until the hand is through.
    here.traffic.rate = 0;
    await here.apply(version('v1', 0), version('v2', 100));
    await world.until('v2 has its first share', ({ traffic }) => traffic === 'v1:90 v2:10', SLOW);
    await world.client.delete(DEPLOYMENTS, world.key(versionName('digits', 'v2')));
    here.traffic.rate = 600;
    await world.until('it is over', completedTo('v2:100'), SLOW);
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v2:10', 'v1:50 v2:50', 'v2:100']);
  });
});

describe('a version that the spec no longer lists', () => {
  it('serves on after a rollback, over restarts and mended by force, until there is another target', async () => {
    await using here = await served();
    const { world, traffic } = here;
    traffic.behaviours.v3 = { differing: 0.4 };
    await here.apply(version('v3', 100));
    await world.until('it is taken back', (s) => inPhase('RolledBack')(s) && s.traffic === 'v1:100', SLOW);
    const said = await world.until(
      'v3 is withdrawn',
      (s) => versionIn(s, 'v3')?.phase === 'Withdrawn' && versionIn(s, 'v3')?.readyReplicas === 0,
      SLOW,
    );
    expect(versionIn(said, 'v1')).toMatchObject({ phase: 'Ready', traffic: 100, readyReplicas: 1 });
    await world.stop();
    await world.client.delete(DEPLOYMENTS, world.key(versionName('digits', 'v1')));
    await world.start();
    await eventually('v1 is made again, and runs', async () => {
      const { status } = (await world.deployment('v1')) as unknown as { status: { readyReplicas?: number } };
      return status.readyReplicas === 1;
    });
    // What the status says in between is not what it said before.
    await world.until(
      'v1 is ready',
      (s) => versionIn(s, 'v1')?.readyReplicas === 1 && conditionOf(s, 'Ready')?.reason === 'RolledBack',
    );
    expect(await world.shares()).toEqual({ v1: 100 });
    expect(await world.deployment('v3')).toBeUndefined();

    await here.apply(version('v4', 100));
    await world.untilReady();
    expect(await world.shares()).toEqual({ v4: 100 });
    await eventually('v1 is gone', async () => (await world.deployment('v1')) === undefined);
  });

  it('comes back as it was when the same is tried again', async () => {
    await using here = await served();
    const { world, traffic } = here;
    traffic.behaviours.v3 = { differing: 0.4 };
    await here.apply(version('v1', 0), version('v3', 100));
    await world.until(
      'v3 is withdrawn',
      (s) => versionIn(s, 'v3')?.phase === 'Withdrawn' && versionIn(s, 'v3')?.readyReplicas === 0,
      SLOW,
    );
    await eventually('v3 is gone', async () => (await world.deployment('v3')) === undefined);
    traffic.behaviours.v3 = {};
    await command(world, 'retry');
    const done = await world.until('it is over', completedTo('v3:100'), SLOW);
    expect(done.rollout?.reason).toBe('StepsDone');
    expect(await world.shares()).toEqual({ v3: 100 });
    await world.settled();
    const events = (await eventsOf(world)).map((text) => text.split(' ')[0]);
    expect(events.filter((reason) => reason === 'RolloutStarted')).toHaveLength(2);
  });
});
