/** Modelship is taken out of the cluster and put back: models stay, and serve all the time. */
import { expect, inject, it } from 'vitest';
import { installChart, RELEASE, uninstallChart } from '../harness/chart.ts';
import { Crowd } from '../harness/crowd.ts';
import { Digits } from '../harness/digits.ts';
import { kubectl } from '../harness/kubectl.ts';

it('the chart is uninstalled, models serve on, and a new installation adopts them', async () => {
  const cluster = inject('e2e');
  await using digits = await Digits.served('adopted', { v1: 90, v2: 10 });
  const before = await identities(digits);
  await using users = await Crowd.of(digits, { callers: 4, pauseMs: 20 });

  await uninstallChart(cluster);
  expect(
    await kubectl(RELEASE)(
      'get',
      'deployments,pods,leases,configmaps',
      '-l',
      `app.kubernetes.io/instance=${RELEASE}`,
      '-o',
      'name',
    ),
  ).toBe('');
  expect(
    await kubectl()(
      'get',
      'clusterroles,clusterrolebindings',
      '-l',
      `app.kubernetes.io/instance=${RELEASE}`,
      '-o',
      'name',
    ),
  ).toBe('');
  expect(await kubectl()('get', 'crd', 'modeldeployments.modelship.dev', '-o', 'name')).not.toBe('');
  expect((await digits.status()).traffic).toBe('v1:90 v2:10');
  await installChart(cluster);
  await digits.apply({ v1: 50, v2: 50 });
  await digits.serves('v1:50 v2:50');

  expect(await identities(digits)).toEqual(before);
  await users.stop();
  process.stderr.write(`${JSON.stringify(users.report())}\n`);
  expect(users.failures).toEqual([]);
  expect(users.resent).toEqual([]);
});

/** Names and UIDs of all that serves, pods among it. */
async function identities({ kubectl: run }: Digits): Promise<string[]> {
  const path =
    '{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}';
  const text = await run(
    'get',
    'pods,deployments,services,configmaps',
    '-l',
    'modelship.dev/model=digits',
    '-o',
    `jsonpath=${path}`,
  );
  return text.trim().split('\n').toSorted();
}
