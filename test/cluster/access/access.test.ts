/**
 * What the chart allows the operator beside what it asks for in a life with all that it can do: nothing more, and nothing
 * refused. On a control plane of its own: it writes an audit log, serves the optional kinds, and checks owners as
 * OpenShift does.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { AccessRule } from '../../../operator/access.ts';
import { type Connection, connect } from '../../../operator/kube/connect.ts';
import {
  CONFIG_MAPS,
  MODEL_DEPLOYMENTS,
  NETWORK_POLICIES,
  POD_MONITORS,
} from '../../../operator/reconcile/resources.ts';
import { type ApiServer, startControlPlane } from '../../control-plane/start.ts';
import { Api } from '../../faults/api.ts';
import { type ReportServer, serveReports } from '../../faults/reports.ts';
import { gatewayCrds } from '../../gateway/build.ts';
import { CHART, helm } from '../chart/helm.ts';
import { installedOperator } from '../chart/installed.ts';
import { eventually, namespace, useCluster, useOther, useShared } from '../harness/cluster.ts';
import { crdReady } from '../harness/crd.ts';
import { one } from '../harness/one-version.ts';
import { ScriptedReports } from '../harness/operator.ts';
import { OPERATOR_RULES, userWith } from '../harness/operator-access.ts';
import type { RunningOperator } from '../harness/operator-process.ts';
import { POD_MONITOR_CRD } from '../harness/pod-monitor-crd.ts';
import { SimulatedTraffic } from '../harness/simulated-traffic.ts';
import { modelsClaim } from '../harness/volume.ts';
import { askedBy, right } from './audit.ts';
import { type Granted, grantedTo } from './granted.ts';
import { Hand } from './hand.ts';
import { LIFE } from './life.ts';

const CRD_FILE = join(import.meta.dirname, '../../../crds/modelship.dev_modeldeployments.yaml');
const OPENSHIFT = '--enable-admission-plugins=OwnerReferencesPermissionEnforcement';

/** Starting takes a while where much else runs. */
const SLOW = { timeoutMs: 60_000 };

/** Rights that no line of the audit log is about, each with what shows that it is needed. */
const UNLOGGED: Record<string, string> = {
  [right('modelship.dev', 'modeldeployments/finalizers', 'update')]: 'asked for by an admission plugin: the test below',
};

let server: ApiServer;
let folder: string;
let api: Api;
let connection: Connection;
let reports: ReportServer;
const traffic = new SimulatedTraffic();
const running: RunningOperator[] = [];

beforeAll(async () => {
  const crds = [parse(await readFile(CRD_FILE, 'utf8')), POD_MONITOR_CRD, ...(await gatewayCrds())];
  server = await startControlPlane({
    nodes: 2,
    audit: true,
    flags: { 'kube-apiserver': [OPENSHIFT] },
    prepare: async (admin) => {
      for (const crd of crds) await crdReady(admin, crd);
    },
  });
  useOther(server);
  folder = await mkdtemp(join(tmpdir(), 'modelship-access-'));
  api = new Api(useCluster());
  connection = await connect({ kubeconfig: server.kubeconfigPath });
  const scripted = new ScriptedReports(api);
  scripted.change = traffic.change;
  reports = await serveReports({ read: (pod) => scripted.read({ ...pod, ip: '' }) });
}, 180_000);

afterAll(useShared);
afterAll(async () => {
  await Promise.all(running.map((operator) => operator.kill()));
  await reports?.[Symbol.asyncDispose]();
  await connection?.close();
  api?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(place: string, ...without: string[]): Promise<RunningOperator> {
  const operator = await installedOperator({
    place,
    name: 'modelship',
    folder,
    reportUrl: reports.template,
    without,
  });
  running.push(operator);
  return operator;
}

/** @returns names of what was made there by the release, whose operator has gone through all */
async function lived(scope: 'cluster' | 'namespace'): Promise<{ place: string }> {
  const place = await namespace();
  const team = scope === 'cluster' ? await namespace() : place;
  await modelsClaim(team);
  const values = [`scope=${scope}`, 'rbac.userRoles=false', 'crds.install=false', 'leaderElection.leaseDuration=8s'];
  const prometheus = 'models.networkPolicyPeers.admins[0].podSelector.matchLabels.app=prometheus';
  values.push('models.networkPolicy=true', prometheus, 'models.podMonitor=true');
  const set = values.flatMap((value) => ['--set', value]);
  const installed = await helm(['install', 'modelship', CHART, '-n', place, ...set], server.kubeconfigPath);
  expect(installed).toMatchObject({ code: 0, err: '' });

  const first = await start(place);
  await eventually('the first leads', () => first.leads(), SLOW);
  const second = await start(place);
  await eventually('the second stands by', async () => (await second.ask('/readyz')).status === 200, SLOW);
  const hand = new Hand(connection.client, team);
  for (const part of LIFE) await part(hand, traffic);
  // The leader is gone all at once, and the other takes its place; then one without the policies, which are then pruned.
  await first.kill();
  await eventually('the second leads', () => second.leads(), SLOW);
  await hand.serves(one('after', { replicas: 2 }));
  expect(await second.terminate()).toBe(0);
  const third = await start(place, '--network-policy', '--pod-monitor');
  await eventually('the third leads', () => third.leads(), SLOW);
  for (const resource of [NETWORK_POLICIES, POD_MONITORS]) await hand.gone(resource, 'after');
  for (const { metadata } of (await hand.client.list(MODEL_DEPLOYMENTS, { namespace: team })).items) {
    await hand.delete(MODEL_DEPLOYMENTS, metadata.name);
  }
  await eventually('no ModelDeployment is left', async () => {
    return (await hand.client.list(MODEL_DEPLOYMENTS, { namespace: team })).items.length === 0;
  });
  expect(await third.terminate()).toBe(0);
  return { place };
}

function table(granted: readonly Granted[], used: ReadonlyMap<string, number>): string {
  const rows = granted.map(({ right: key, where, names }) => {
    const place = names.length > 0 ? `${where}, ${names.join(' ')} only` : where;
    return [key.padEnd(66), place.padEnd(32), used.get(key) ?? UNLOGGED[key] ?? 'NEVER'].join(' ');
  });
  return [`${'allowed'.padEnd(66)} ${'where'.padEnd(32)} used`, ...rows].join('\n');
}

describe.each(['cluster', 'namespace'] as const)('an operator of scope %s', (scope) => {
  it('is allowed what it uses and nothing else, and is refused nothing', async () => {
    const { place } = await lived(scope);
    const granted = await grantedTo(useCluster(), place, 'modelship');
    const asked = await askedBy(`system:serviceaccount:${place}:modelship`, server.auditLogPath ?? '');
    process.stdout.write(`\n${scope}\n${table(granted, asked.used)}\nand ${[...asked.other].sort().join(', ')}\n`);

    expect(asked.refused).toEqual([]);
    const rights = granted.map((one) => one.right);
    expect(rights.filter((key) => !asked.used.has(key) && !(key in UNLOGGED))).toEqual([]);
    // Else rights come from where this test does not look.
    expect([...asked.used.keys()].filter((key) => !rights.includes(key))).toEqual([]);
    expect(new Set(rights).size).toBe(rights.length);
    expect([...asked.other].filter((one) => !/^get \/apis\/[a-z0-9.]+\/v1$/.test(one))).toEqual([]);
    const here = granted.filter(({ where }) => where !== '*').map(({ where }) => where);
    expect(new Set(here)).toEqual(new Set([place]));
    const everywhere = granted.filter(({ where }) => where === '*').map((one) => one.right);
    if (scope === 'namespace') expect(everywhere).toEqual(['/nodes list', '/nodes watch']);
  }, 300_000);
});

describe('a right that no log shows', () => {
  /** Has a user with these rights make something for a ModelDeployment. @returns what comes of it */
  async function made(rules: readonly AccessRule[]): Promise<string> {
    const place = await namespace();
    const hand = new Hand(connection.client, place);
    await hand.apply(one('owner'));
    const { uid } = (await hand.there(MODEL_DEPLOYMENTS, 'owner')).metadata;
    const owner = { apiVersion: 'modelship.dev/v1alpha1', kind: 'ModelDeployment', name: 'owner', uid };
    const ownerReferences = [{ ...owner, controller: true, blockOwnerDeletion: true } as const];
    const metadata = { name: 'made', namespace: place, ownerReferences };
    const user = await connect({ kubeconfig: await userWith(rules, place, folder) });
    try {
      await user.client.apply(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata }, { manager: 'modelship' });
      return 'made';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await user.close();
    }
  }

  it('is that to update the finalizers of an owner: without it nothing can be made for it', async () => {
    const without = OPERATOR_RULES.filter(({ resources }) => !resources.includes('modeldeployments/finalizers'));
    expect(await made(OPERATOR_RULES)).toBe('made');
    expect(await made(without)).toMatch(/cannot set blockOwnerDeletion/);
  });
});
