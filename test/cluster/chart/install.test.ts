/** The chart, installed by helm into a real API server; the operator run with the rights that it grants, and no others. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import { call, mustCall } from '../../control-plane/access.ts';
import { Api } from '../../faults/api.ts';
import { type ReportServer, SimulatedReports, serveReports } from '../../faults/reports.ts';
import { eventually, kubectl, namespace, useCluster } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { conditionOf } from '../harness/operator.ts';
import type { RunningOperator } from '../harness/operator-process.ts';
import { modelsClaim } from '../harness/volume.ts';
import { CHART, helm, template } from './helm.ts';
import { installedOperator } from './installed.ts';

const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };
/** Its CRD is there already, and not helm's. */
const WITHOUT_CRD = ['--set', 'crds.install=false'];

let folder: string;
let api: Api;
let reports: ReportServer;
const running: RunningOperator[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-chart-'));
  api = new Api(useCluster());
  reports = await serveReports(new SimulatedReports(api));
  // The first build of helm.
  expect((await helm(['version'])).code).toBe(0);
}, 300_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.kill()));
});
afterAll(async () => {
  await reports[Symbol.asyncDispose]();
  api.close();
  await rm(folder, { recursive: true });
});

async function install(release: string, place: string, ...more: string[]): Promise<void> {
  const { kubeconfigPath } = useCluster();
  const args = ['install', release, CHART, '--namespace', place, ...WITHOUT_CRD, ...more];
  const { code, err } = await helm(args, kubeconfigPath);
  expect({ code, err }).toEqual({ code: 0, err: '' });
}

async function operatorOf(release: string, place: string): Promise<RunningOperator> {
  const one = await installedOperator({ place, name: release, folder, reportUrl: reports.template });
  running.push(one);
  return one;
}

async function servesDigits(place: string): Promise<void> {
  await modelsClaim(place);
  const { code, err } = await kubectl(['apply', '-f', '-'], { namespace: place, input: JSON.stringify(digits()) });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  await eventually('digits is ready', async () => {
    const object = await api.get(`/apis/modelship.dev/v1alpha1/namespaces/${place}/modeldeployments/digits`);
    return conditionOf(object?.status as Status | undefined, 'Ready')?.status === 'True';
  });
}

describe('helm install', () => {
  it('makes pods that a namespace of the restricted profile takes', async () => {
    const place = await namespace(RESTRICTED);
    await install('modelship', place, '--set', 'rbac.userRoles=false', '--set', 'scope=namespace');
    await eventually('both replicas are there', async () => {
      const { out } = await kubectl(['get', 'deployment', 'modelship', '-o', 'jsonpath={.status.replicas}'], {
        namespace: place,
      });
      return out === '2';
    });
    const { out } = await kubectl(['get', 'events', '--field-selector', 'type=Warning'], { namespace: place });
    expect(out).not.toMatch(/forbidden|violates/);
    const uninstalled = await helm(['uninstall', 'modelship', '--namespace', place], useCluster().kubeconfigPath);
    expect(uninstalled.code).toBe(0);
    expect((await kubectl(['get', 'deployments,roles'], { namespace: place })).out).toBe('');
  });

  // One of all namespaces would look after those of other tests: test/cluster/access has a control plane for it.
  it('grants what the operator needs for one namespace, and has it hand on the Secrets of the image', async () => {
    const place = await namespace();
    const release = `modelship-${place}`;
    const values = [
      'rbac.userRoles=false',
      'scope=namespace',
      'models.networkPolicy=true',
      `fullnameOverride=${release}`,
    ];
    values.push('runtime.imagePullSecrets={registry,mirror}');
    await install(release, place, ...values.flatMap((value) => ['--set', value]));
    const operator = await operatorOf(release, place);
    // Starting takes a while where much else runs.
    await eventually('it leads', () => operator.leads(), { timeoutMs: 60_000 });
    await servesDigits(place);
    const secrets = '{.items[*].spec.template.spec.imagePullSecrets[*].name}';
    const made = ['get', 'deployments', '-l', 'modelship.dev/model=digits', '-o', `jsonpath=${secrets}`];
    expect((await kubectl(made, { namespace: place })).out).toBe('registry mirror registry mirror');
    const refused = operator.lines.filter((line) => /forbidden/i.test(JSON.stringify(line)));
    expect(refused).toEqual([]);
    expect(await operator.terminate()).toBe(0);
    await helm(['uninstall', release, '--namespace', place], useCluster().kubeconfigPath);
  }, 120_000);

  it('gives the users of a namespace what their role there says', async () => {
    const place = await namespace();
    await install(`roles-${place}`, place, '--set', 'scope=namespace');
    await kubectl(['create', 'serviceaccount', 'viewer'], { namespace: place });
    await kubectl(['create', 'rolebinding', 'v', '--clusterrole=view', `--serviceaccount=${place}:viewer`], {
      namespace: place,
    });
    const as = `--as=system:serviceaccount:${place}:viewer`;
    const may = async (verb: string): Promise<string> =>
      (await kubectl(['auth', 'can-i', verb, 'modeldeployments.modelship.dev', as], { namespace: place })).out.trim();
    // Kubernetes adds the rules up in the background.
    await eventually('a viewer may list', async () => (await may('list')) === 'yes');
    expect(await may('create')).toBe('no');
    await helm(['uninstall', `roles-${place}`, '--namespace', place], useCluster().kubeconfigPath);
  });

  it('is refused for a value that does not exist', async () => {
    await expect(template('any', 'repilcas=1')).rejects.toThrow("additional properties 'repilcas' not allowed");
  });

  it('makes objects that a strict API server takes, with everything switched on', async () => {
    const place = await namespace();
    const objects = await template(place, 'networkPolicy.enabled=true', 'prometheusUrl=http://prometheus:9090');
    const checked = objects.filter(({ kind }) => kind !== 'CustomResourceDefinition');
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: checked });
    const dryRun = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];
    const { code, err } = await kubectl(dryRun, { namespace: place, input });
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });
});

describe('the CustomResourceDefinition of the chart', () => {
  it('is kept when the chart is uninstalled, and is that of crds/', async () => {
    const [crd] = (await template('any')).filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(crd?.metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
    const name = 'modeldeployments.modelship.dev';
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}?dryRun=All&force=true`;
    const stored = await mustCall(useCluster(), 'GET', path);
    const access = useCluster();
    const { status, text } = await call(
      access,
      'PATCH',
      `${path}&fieldManager=chart`,
      crd,
      'application/apply-patch+yaml',
    );
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    const spec = (text: string): unknown => (JSON.parse(text) as { spec: unknown }).spec;
    expect(spec(text)).toEqual((stored as { spec: unknown }).spec);
  });
});
