/**
 * A real cluster on this machine, without a registry: control plane, nodes in network namespaces of their own, each with
 * containerd, kubelet and kube-proxy, cluster DNS and metrics-server. Linux, root. Executable: `node
 * test/e2e/node/cluster.ts [--nodes 2]` prints a line to set KUBECONFIG, and ends with Ctrl-C.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { controlPlaneBinaries, NODE } from '../../control-plane/build.ts';
import { waitForNodes } from '../../control-plane/controllers.ts';
import { hold } from '../../control-plane/lock.ts';
import { type RealControlPlane, startForNodes } from '../../control-plane/start.ts';
import { userCache } from '../../go/build.ts';
import { ADD_ON_USERS, startAddOns } from './add-ons.ts';
import { frontProxyFlags } from './certificates.ts';
import { cleanNodes } from './clean.ts';
import { startContainerd } from './containerd.ts';
import { kubeletUser, type NodeParts, PROXY_USER, startKubelet } from './kubelet.ts';
import { makeNetwork, type NodeAddress, nodeAddress, OUTSIDE } from './network.ts';
import { installPackages } from './programs.ts';

export interface NodeClusterOptions {
  /** How many nodes, up to 9. */
  nodes: number;
  /** An archive of `docker save` with all images that pods use, the pause image among them. */
  images: string;
  log: (line: string) => void;
}

export interface NodeCluster extends AsyncDisposable {
  kubeconfig: string;
}

/** Waits while another one runs on this machine: both would have the same addresses. */
export async function startNodeCluster(options: NodeClusterOptions): Promise<NodeCluster> {
  const { log } = options;
  await installPackages(log);
  const onWait = (): void => log('waiting for another cluster of nodes on this machine');
  const release = await hold(userCache('node/running'), onWait);
  const certificates = await mkdtemp(join(tmpdir(), 'modelship-node-'));
  const leave = async (): Promise<void> => {
    await rm(certificates, { recursive: true, force: true });
    await release();
  };
  try {
    const plane = await startNodes(options, certificates);
    const end = async (): Promise<void> => {
      await plane.server.stop();
      await leave();
    };
    return { kubeconfig: plane.server.kubeconfigPath, [Symbol.asyncDispose]: end };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function startNodes(
  { nodes: count, images, log }: NodeClusterOptions,
  certificates: string,
): Promise<RealControlPlane> {
  const binaries = await controlPlaneBinaries(NODE, log);
  const nodes = Array.from({ length: count }, (_, index) => nodeAddress(index + 1));
  await cleanNodes();
  await makeNetwork(nodes);
  const plane = await startForNodes({
    address: OUTSIDE,
    users: {
      ...Object.fromEntries(nodes.map((node) => [kubeletUser(node), ['system:nodes']])),
      [PROXY_USER]: [],
      ...ADD_ON_USERS,
    },
    flags: { 'kube-apiserver': await apiServerFlags(certificates), 'kube-controller-manager': AUTOSCALING },
    log,
  });
  try {
    plane.servers.atEnd([process.execPath, join(import.meta.dirname, 'clean.ts'), plane.servers.folder]);
    const parts = await Promise.all(nodes.map((node) => makeParts(plane, node, images, binaries)));
    for (const each of parts) await startKubelet(plane.servers, each);
    await waitForNodes(plane.servers, plane.admin, 'kubelet-1', count);
    await startAddOns(plane, log);
    log(`${count} nodes are Ready`);
    return plane;
  } catch (error) {
    await plane.server.stop();
    throw error;
  }
}

/** An autoscaler that looks often, and at pods that are young: else each test would wait for minutes. */
const AUTOSCALING = [
  '--horizontal-pod-autoscaler-sync-period=5s',
  '--horizontal-pod-autoscaler-cpu-initialization-period=10s',
  '--horizontal-pod-autoscaler-initial-readiness-delay=5s',
];

async function apiServerFlags(certificates: string): Promise<string[]> {
  return ['--kubelet-preferred-address-types=InternalIP', ...(await frontProxyFlags(certificates))];
}

/** All of a node but its kubelet. */
async function makeParts(
  { servers, users }: RealControlPlane,
  node: NodeAddress,
  images: string,
  binaries: Record<(typeof NODE)[number], string>,
): Promise<NodeParts> {
  const folder = join(servers.folder, `node-${node.index}`);
  const containerd = await startContainerd(servers, node, folder);
  await containerd.importImages(images);
  return { node, folder, socket: containerd.socket, binaries, users };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { nodes: { type: 'string', default: '1' }, images: { type: 'string' } } });
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const asked = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  if (!values.images) throw new Error('--images: an archive that `docker save` wrote, see test/e2e/images/build.ts');
  await using cluster = await startNodeCluster({ nodes: Number(values.nodes), images: values.images, log });
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\n`);
  await asked;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${inspect(error)}\n`);
    process.exitCode = 1;
  });
}
