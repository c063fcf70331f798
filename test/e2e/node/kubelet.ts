/** A node's kubelet and kube-proxy. */
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Access, writeKubeconfig } from '../../control-plane/access.ts';
import type { Servers } from '../../control-plane/servers.ts';
import { makeCgroup } from './cgroup.ts';
import { DNS_ADDRESS, inNetwork, type NodeAddress, POD_RANGE } from './network.ts';

/** As the Node authorizer wants it. */
export const kubeletUser = ({ name }: NodeAddress): string => `system:node:${name}`;
export const PROXY_USER = 'system:kube-proxy';

export interface NodeParts {
  node: NodeAddress;
  /** Of the node; everything that it writes goes there. */
  folder: string;
  /** Of containerd. */
  socket: string;
  binaries: Record<'kubelet' | 'kube-proxy', string>;
  users: ReadonlyMap<string, Access>;
}

/**
 * HAZARD: all kubelets of a machine take this path, which cannot be chosen: each removes the socket of the one before and
 * makes its own. Of two that do so at the same moment one ends.
 */
const DEVICE_SOCKET = '/var/lib/kubelet/device-plugins/kubelet.sock';

/** Starts the two; the node joins by itself. Comes back when the next kubelet may be started. */
export async function startKubelet(servers: Servers, parts: NodeParts): Promise<void> {
  const { node, binaries } = parts;
  await makeCgroup(node.name);
  const kubelet = [
    `--config=${await write(parts, 'kubelet', kubeletConfig(parts))}`,
    `--kubeconfig=${await kubeconfig(parts, 'kubelet', kubeletUser(node))}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.ip}`,
    `--root-dir=${join(parts.folder, 'kubelet')}`,
  ];
  const name = `kubelet-${node.index}`;
  await rm(DEVICE_SOCKET, { force: true });
  servers.run(name, ...inNetwork(node, binaries.kubelet, kubelet));
  const proxy = [
    `--config=${await write(parts, 'proxy', await proxyConfig(parts))}`,
    `--hostname-override=${node.name}`,
  ];
  servers.run(`kube-proxy-${node.index}`, ...inNetwork(node, binaries['kube-proxy'], proxy));
  await servers.await(name, async () => (await stat(DEVICE_SOCKET)).isSocket());
}

/** No eviction for a full disk: it is the machine's own, and holds more than this node. */
function kubeletConfig({ node, folder, socket }: NodeParts) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.ip,
    healthzPort: 0,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${node.name}`,
    failSwapOn: false,
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: 'cluster.local',
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
    nodeStatusUpdateFrequency: '5s',
    // Metrics of pods that are at most this old are what an autoscaler sees.
    housekeepingInterval: '5s',
  };
}

async function proxyConfig(parts: NodeParts) {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: await kubeconfig(parts, 'proxy', PROXY_USER) },
    clusterCIDR: POD_RANGE,
    // Zero leaves what belongs to the whole machine as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { syncPeriod: '30s', minSyncPeriod: '200ms' },
  };
}

async function write({ folder }: NodeParts, name: string, config: object): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.yaml`);
  await writeFile(path, stringify(config));
  return path;
}

async function kubeconfig({ folder, users }: NodeParts, name: string, user: string): Promise<string> {
  const access = users.get(user);
  if (!access) throw new Error(`no token for ${user}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.kubeconfig`);
  await writeKubeconfig(path, access);
  return path;
}
