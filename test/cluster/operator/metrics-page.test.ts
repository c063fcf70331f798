/** What an operator that leads says at /metrics, and the page that lists it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { unlisted } from '../../docs/metrics-page.ts';
import { Api } from '../../faults/api.ts';
import { SimulatedReports, serveReports } from '../../faults/reports.ts';
import { eventually, namespace, useCluster } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { IMAGE } from '../harness/operator.ts';
import { kubeconfigFor } from '../harness/operator-access.ts';
import { RunningOperator } from '../harness/operator-process.ts';
import { modelsClaim } from '../harness/volume.ts';

it('docs/reference/metrics.md lists all that it tells', async () => {
  const api = new Api(useCluster());
  onTestFinished(() => api.close());
  const reports = await serveReports(new SimulatedReports(api));
  onTestFinished(() => reports[Symbol.asyncDispose]());
  const folder = await mkdtemp(join(tmpdir(), 'modelship-metrics-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const place = await namespace();
  await modelsClaim(place);
  const kubeconfig = await kubeconfigFor(useCluster(), folder, 'metrics');
  const where = ['--namespace', place, '--lease-namespace', place];
  const operator = new RunningOperator([
    ...where,
    ...['--kubeconfig', kubeconfig, '--runtime-image', IMAGE, '--report-url', reports.template],
  ]);
  onTestFinished(() => operator.kill());
  const path = `/apis/modelship.dev/v1alpha1/namespaces/${place}/${MODEL_DEPLOYMENTS.plural}/digits`;
  await api.apply(path, digits({ namespace: place }), 'user');
  const ready = /^modelship_modeldeployment_condition\{.*name="digits",type="Ready",status="True",reason="Ready"\} 1$/m;
  const text = await eventually('it tells that digits is ready', async () => {
    const answer = await operator.ask('/metrics');
    return ready.test(answer.text) && answer.text;
  });
  expect(unlisted(text)).toEqual([]);
});
