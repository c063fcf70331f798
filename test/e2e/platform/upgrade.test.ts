/** A new release of Modelship: the operator rolls over, pods get the new runtime one by one, and users notice nothing. */
import { expect, inject, it } from 'vitest';
import { imageValues, installChart, rollbackChart } from '../harness/chart.ts';
import { Crowd, table } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';
import { operatorPods } from '../harness/operators.ts';
import { IMAGES } from '../images/build.ts';

const imagesOf = (pods: Awaited<ReturnType<typeof operatorPods>>): string[] => [
  ...new Set(pods.map(({ spec }) => spec.containers[0]?.image ?? '')),
];

it('the chart is upgraded, and rolled back', async () => {
  const cluster = inject('e2e');
  await using digits = await Digits.served('upgraded', { v1: 90, v2: 10 });
  await using users = await Crowd.of(digits, { callers: 4, pauseMs: 20 });
  const moved = async (tag: string): Promise<void> => {
    await digits.runs(`${cluster.runtime}:${tag}`);
    expect(imagesOf(await operatorPods())).toEqual([`${cluster.operator}:${tag}`]);
    expect((await digits.status()).traffic).toBe('v1:90 v2:10');
  };

  users.phase('upgrade');
  await installChart(cluster, ...imageValues(cluster, IMAGES.next));
  await moved(IMAGES.next);
  users.phase('rollback');
  await rollbackChart(cluster);
  await moved(IMAGES.tag);

  await users.stop();
  process.stderr.write(`${table(users.report())}\n`);
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
  for (const { requests } of users.report()) expect(requests).toBeGreaterThan(100);
});
