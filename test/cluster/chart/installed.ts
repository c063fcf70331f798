/** An operator as the chart that was installed has it run: its arguments, and the rights of its ServiceAccount. */
import { MODEL_RULES } from '../../../operator/access.ts';
import { mustCall } from '../../control-plane/access.ts';
import { useCluster } from '../harness/cluster.ts';
import { IMAGE } from '../harness/operator.ts';
import { kubeconfigFor, untilGranted } from '../harness/operator-access.ts';
import { RunningOperator } from '../harness/operator-process.ts';

interface Deployment {
  spec: { template: { spec: { serviceAccountName: string; containers: { args: string[] }[] } } };
}

export interface InstalledOptions {
  /** Namespace of the release. */
  place: string;
  /** Name of the Deployment. */
  name: string;
  /** For its kubeconfig. */
  folder: string;
  /** `--report-url`, in place of the pods' own addresses. */
  reportUrl: string;
  /** Of the chart's arguments, those that are left out. */
  without?: readonly string[];
}

/** As the kubelet starts it, but on this machine. It ends with `terminate()` or `kill()`. */
export async function installedOperator(options: InstalledOptions): Promise<RunningOperator> {
  const { place, name, folder, reportUrl, without = [] } = options;
  const access = useCluster();
  const path = `/apis/apps/v1/namespaces/${place}/deployments/${name}`;
  const { spec: pod } = ((await mustCall(access, 'GET', path)) as Deployment).spec.template;
  await untilGranted(`system:serviceaccount:${place}:${pod.serviceAccountName}`, place, MODEL_RULES);
  const account = `/api/v1/namespaces/${place}/serviceaccounts/${pod.serviceAccountName}/token`;
  const { status } = (await mustCall(access, 'POST', account, { spec: {} })) as { status: { token: string } };
  const kubeconfig = await kubeconfigFor({ ...access, token: status.token }, folder, `${place}-${name}`);
  const args = pod.containers[0]?.args.filter((arg) => !/^--(metrics|runtime-image)=/.test(arg)) ?? [];
  const kept = args.filter((arg) => !without.includes(arg));
  return new RunningOperator([
    ...kept,
    '--runtime-image',
    IMAGE,
    '--report-url',
    reportUrl,
    '--kubeconfig',
    kubeconfig,
  ]);
}
