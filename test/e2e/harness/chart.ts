/** The chart, installed as a platform engineer does. */
import { CHART, helm } from '../../cluster/chart/helm.ts';
import { IMAGES } from '../images/build.ts';
import type { Told } from '../setup.ts';
import { kubectlOf, rolledOut } from './kubectl.ts';

export const RELEASE = 'modelship';
const OWN = `app.kubernetes.io/instance=${RELEASE}`;
const KINDS =
  'crd,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments,replicasets,pods,services,' +
  'configmaps,secrets,poddisruptionbudgets,networkpolicies';

/** Installs or upgrades it; the operator leads when this returns. @param values of the form `key=value` */
export async function installChart(cluster: Told, ...values: string[]): Promise<void> {
  const run = kubectlOf(cluster.kubeconfig, RELEASE);
  await run.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: RELEASE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  const set = [...imageValues(cluster), ...values].flatMap((value) => ['--set', value]);
  const ran = await helm(['upgrade', '--install', RELEASE, CHART, '--namespace', RELEASE, ...set], cluster.kubeconfig);
  if (ran.code !== 0) throw new Error(ran.err);
  await rolledOut(run, RELEASE);
}

/** Back to the release before. */
export async function rollbackChart(cluster: Told): Promise<void> {
  const ran = await helm(['rollback', RELEASE, '--namespace', RELEASE], cluster.kubeconfig);
  if (ran.code !== 0) throw new Error(ran.err);
  await rolledOut(kubectlOf(cluster.kubeconfig, RELEASE), RELEASE);
}

/** Returns when the operator is gone. @returns what the chart has left in the cluster, as `KIND/NAME` */
export async function uninstallChart(cluster: Told): Promise<string[]> {
  const ran = await helm(['uninstall', RELEASE, '--namespace', RELEASE, '--wait'], cluster.kubeconfig);
  if (ran.code !== 0) throw new Error(ran.err);
  const run = kubectlOf(cluster.kubeconfig, RELEASE);
  await run('wait', 'pods', '--selector', OWN, '--for=delete', '--timeout=60s');
  const left = await run('get', KINDS, '--all-namespaces', '--selector', OWN, '--output', 'name');
  return left.split('\n').filter(Boolean);
}

export function imageValues({ operator, runtime }: Told, tag: string = IMAGES.tag): string[] {
  return [
    `image.repository=${operator}`,
    `image.tag=${tag}`,
    `runtime.image.repository=${runtime}`,
    `runtime.image.tag=${tag}`,
  ];
}
