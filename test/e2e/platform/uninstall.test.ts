/** Modelship is taken out of the cluster and put back: models stay, and serve all the time. */
import { expect, inject, it } from 'vitest';
import { installChart, uninstallChart } from '../harness/chart.ts';
import { Crowd, table } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';

it('the chart is uninstalled, models serve on, and a new installation adopts them', async () => {
  const cluster = inject('e2e');
  await using digits = await Digits.served('adopted', { v1: 90, v2: 10 });
  const before = await identities(digits);
  await using users = await Crowd.of(digits, { callers: 4, pauseMs: 20 });

  const left = await uninstallChart(cluster);
  expect(left).toEqual(['customresourcedefinition.apiextensions.k8s.io/modeldeployments.modelship.dev']);
  await users.answered(100);
  // Nobody is there to do it.
  await digits.apply({ v1: 50, v2: 50 });
  await installChart(cluster);
  await digits.serves('v1:50 v2:50');

  expect(await identities(digits)).toEqual(before);
  await users.stop();
  process.stderr.write(`${table(users.report())}\n`);
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
});

/** Names and UIDs of all that serves, and how often pods were restarted. */
async function identities({ kubectl: run }: Digits): Promise<string[]> {
  const fields = '{.kind}/{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}';
  const kinds = 'pods,deployments,services,configmaps';
  const output = `jsonpath={range .items[*]}${fields}{end}`;
  const text = await run('get', kinds, '--selector', 'modelship.dev/model=digits', '--output', output);
  return text.trim().split('\n').toSorted();
}
