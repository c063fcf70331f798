/** Traces that an installation switches on: what its API server makes of it. */
import { expect, it } from 'vitest';
import { DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { digits } from '../harness/manifests.ts';
import { World } from '../harness/operator.ts';

it('are environment of the pods, and at rest nothing is written', async () => {
  const tracing = { endpoint: 'http://collector.tracing:4318', ratio: 0.1 };
  await using world = await World.open({ render: { tracing } });
  await world.apply(digits());
  await world.untilReady();
  const [deployment] = await world.list(DEPLOYMENTS);
  const env = expect.arrayContaining([
    { name: 'MODELSHIP_POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: tracing.endpoint },
  ]);
  expect(deployment?.spec).toMatchObject({ template: { spec: { containers: [{ env }] } } });
  await world.settled();
  await world.stop();
  world.requests.length = 0;
  await world.start();
  await world.untilReady();
  await world.settled();
  expect(world.writes).toEqual([]);
});
