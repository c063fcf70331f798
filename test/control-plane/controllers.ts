import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, call, mustCall, writeKubeconfig } from './access.ts';
import type { Binary } from './build.ts';
import type { Servers } from './servers.ts';

/** A simulated node. */
export interface NodeSpec {
  name: string;
  labels?: Record<string, string>;
  /** Added to 32 CPUs, 256Gi of memory and 110 pods: `{'nvidia.com/gpu': '8'}`. */
  capacity?: Record<string, string>;
  taints?: { key: string; value?: string; effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[];
}

const CAPACITY = { cpu: '32', memory: '256Gi', pods: '110' };

/** The default of 20 queries a second is what limits a large run. */
const CLIENT_RATE = ['--kube-api-qps=500', '--kube-api-burst=1000'];

/** Flags of kwok wherever it runs. */
export const KWOK_FLAGS: readonly string[] = [
  '--manage-all-nodes=true',
  '--cidr=10.244.0.1/16',
  // Without a lease duration kwok 0.7.0 renews no lease and picks a 10-minute heartbeat: nodes would turn NotReady.
  '--node-lease-duration-seconds=40',
];

/** Nodes node-0, node-1, …, alike. */
export function numberedNodes(count: number): NodeSpec[] {
  return Array.from({ length: count }, (_, index) => ({ name: `node-${index}` }));
}

export interface Launch {
  servers: Servers;
  binaries: Partial<Record<Binary, string>>;
  users: ReadonlyMap<string, Access>;
  flags: Partial<Record<Binary, readonly string[]>>;
}

/** Starts a client of the API server as `user`, with a kubeconfig of its own. */
async function start(launch: Launch, name: Binary, user: string, own: readonly string[]): Promise<void> {
  const { servers, binaries, users, flags } = launch;
  const [access, binary] = [users.get(user), binaries[name]];
  if (!access || !binary) throw new Error(`no token for ${user}, or no ${name}`);
  const kubeconfig = join(servers.folder, `${name}.kubeconfig`);
  await writeKubeconfig(kubeconfig, access);
  servers.run(name, binary, [`--kubeconfig=${kubeconfig}`, ...own, ...(flags[name] ?? [])]);
}

/** Starts controller-manager and scheduler, each as its own user. */
export async function startControllers(launch: Launch): Promise<void> {
  const { folder } = launch.servers;
  await start(launch, 'kube-controller-manager', 'system:kube-controller-manager', [
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(folder, 'service-account.key')}`,
    `--root-ca-file=${join(folder, 'ca.crt')}`,
    // A claim and a volume that miss each other at first wait for the next round, by default 15 s.
    '--pvclaimbinder-sync-period=1s',
    ...CLIENT_RATE,
  ]);
  const own = ['--leader-elect=false', '--secure-port=0', ...CLIENT_RATE];
  await start(launch, 'kube-scheduler', 'system:kube-scheduler', own);
}

/** Starts kwok, which makes every node Ready and runs every pod, in words. */
export async function startKwok(launch: Launch): Promise<void> {
  const { folder } = launch.servers;
  // A config of our own keeps kwok from reading one in the home folder.
  const config = join(folder, 'kwok.yaml');
  await writeFile(config, 'apiVersion: config.kwok.x-k8s.io/v1alpha1\nkind: KwokConfiguration\n');
  await start(launch, 'kwok', 'kwok', [`--config=${config}`, ...KWOK_FLAGS]);
}

/** Creates the nodes; kwok then makes them Ready. */
export async function addNodes(admin: Access, nodes: readonly NodeSpec[]): Promise<void> {
  for (const { name, labels, capacity, taints } of nodes) {
    const resources = { ...CAPACITY, ...capacity };
    await mustCall(admin, 'POST', '/api/v1/nodes', {
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
      spec: { taints },
      status: { capacity: resources, allocatable: resources },
    });
  }
}

/** Waits until pods can be created and scheduled. */
export async function waitForControllers(servers: Servers, admin: Access): Promise<void> {
  await servers.await('kube-controller-manager', async () => {
    return (await call(admin, 'GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200;
  });
}

/** Waits until `count` nodes are there, and all of them are Ready. */
export async function waitForNodes(servers: Servers, admin: Access, by: string, count: number): Promise<void> {
  await servers.await(by, async () => {
    const list = (await mustCall(admin, 'GET', '/api/v1/nodes')) as { items: NodeStatus[] };
    return list.items.length >= count && list.items.every(isReady);
  });
}

interface NodeStatus {
  spec: { taints?: { key: string }[] };
  status: { conditions?: { type: string; status: string }[] };
}

function isReady({ spec, status }: NodeStatus): boolean {
  const ready = status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return ready && !spec.taints?.some(({ key }) => key.startsWith('node.kubernetes.io/'));
}
