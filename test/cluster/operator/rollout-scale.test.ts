/** Sizes in a rollout under autoscaling: who gains has what its share needs, who loses does not shrink before the end. */
import { expect, it } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { AUTOSCALERS, CONFIG_MAPS, DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { version } from '../harness/models.ts';
import { command, completedTo, inPhase, STEPS, served, sharesIn, versionIn } from '../harness/rollouts.ts';
import { follow } from '../harness/seen.ts';

const SLOW = { timeoutMs: 40_000 };
const [V1, V2] = [versionName('digits', 'v1'), versionName('digits', 'v2')];
const least = ({ spec }: StoredObject) => (spec as { minReplicas: number }).minReplicas;
const size = ({ spec }: StoredObject) => (spec as { replicas: number }).replicas;
const elastic = (name: string, traffic: number) =>
  version(name, traffic, { serving: { autoscaling: { min: 1, max: 10 } } });

it('steers the autoscalers to the end of a walk, and back from there', async () => {
  await using here = await served({ steps: STEPS });
  const { world } = here;
  const scaleV1 = (replicas: number) =>
    kubectl(['scale', 'deployment', V1, `--replicas=${replicas}`], { namespace: world.namespace });
  await here.apply(elastic('v1', 100));
  await world.untilReady();
  await scaleV1(6);
  await world.until('v1 has six', (s) => versionIn(s, 'v1')?.readyReplicas === 6, SLOW);
  await using deployments = await follow(world.namespace, DEPLOYMENTS);
  await using scalers = await follow(world.namespace, AUTOSCALERS);
  await using tables = await follow(world.namespace, CONFIG_MAPS);
  await here.apply(elastic('v1', 0), elastic('v2', 100));
  await world.until('v2 has all', completedTo('v2:100'), SLOW);
  await eventually('the bounds are as stated', async () => {
    const last = await Promise.all([V1, V2].map(async (name) => (await scalers.values(name, least)).at(-1)));
    return last.every((size) => size === 1);
  });
  expect(await scalers.values(V1, least)).toEqual([1, 6, 1]);
  expect(await scalers.values(V2, least)).toEqual([1, 3, 6, 1]);
  expect(await deployments.values(V1, size)).toEqual([6]);

  await scaleV1(1);
  await world.until('v1 has shrunk', (s) => versionIn(s, 'v1')?.readyReplicas === 1, SLOW);
  await command(world, 'abort');
  await world.until('v1 has all again', (s) => inPhase('Aborted')(s) && s.traffic === 'v1:100', SLOW);
  expect(await deployments.values(V1, size)).toEqual([6, 1, 6]);
  await tables.caughtUp();
  const sizes = deployments.events.filter(({ object }) => object.metadata.name === V1);
  const grown = sizes[sizes.findLastIndex(({ object }) => size(object) === 1) + 1];
  const back = tables.events.findLast(({ object }) => object.metadata.name === 'digits-traffic');
  expect(back && sharesIn(back.object)).toBe('v1:100');
  const order = [grown, back].map((event) => Number(event?.object.metadata.resourceVersion));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
}, 120_000);
