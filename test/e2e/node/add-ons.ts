/** Cluster DNS and metrics-server. Both run beside the API server, each behind a Service as in any cluster. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, mustCall, writeKubeconfig } from '../../control-plane/access.ts';
import type { RealControlPlane } from '../../control-plane/start.ts';
import { DNS_ADDRESS, OUTSIDE } from './network.ts';
import { type AddOn, addOn } from './programs.ts';

export const ADD_ON_USERS: Record<AddOn, string[]> = {
  coredns: ['system:masters'],
  'metrics-server': ['system:masters'],
};

const DNS_PORT = 10_053;
const METRICS_PORT = 10_443;
const NAMESPACE = 'kube-system';

export async function startAddOns(plane: RealControlPlane, log: (line: string) => void): Promise<void> {
  await startDns(plane, await addOn('coredns', log));
  await startMetrics(plane, await addOn('metrics-server', log));
}

async function startDns(plane: RealControlPlane, binary: string): Promise<void> {
  const { servers, admin } = plane;
  const kubeconfig = await kubeconfigOf(plane, 'coredns');
  const corefile = join(servers.folder, 'Corefile');
  await writeFile(
    corefile,
    `.:${DNS_PORT} {
  bind ${OUTSIDE}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig}
  }
  cache 2
}
`,
  );
  servers.run('coredns', binary, ['-conf', corefile]);
  const ports = (['UDP', 'TCP'] as const).map((protocol) => ({
    name: protocol.toLowerCase(),
    port: 53,
    targetPort: DNS_PORT,
    protocol,
  }));
  await expose(admin, 'kube-dns', ports, DNS_ADDRESS);
}

async function startMetrics(plane: RealControlPlane, binary: string): Promise<void> {
  const { servers, admin } = plane;
  const kubeconfig = await kubeconfigOf(plane, 'metrics-server');
  servers.run('metrics-server', binary, [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${OUTSIDE}`,
    `--secure-port=${METRICS_PORT}`,
    `--cert-dir=${join(servers.folder, 'metrics-server')}`,
    '--kubelet-insecure-tls',
    '--kubelet-preferred-address-types=InternalIP',
    '--metric-resolution=10s',
    '--kubelet-request-timeout=5s',
  ]);
  const port = { name: 'https', port: 443, targetPort: METRICS_PORT, protocol: 'TCP' as const };
  await expose(admin, 'metrics-server', [port]);
  await mustCall(admin, 'POST', '/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      service: { namespace: NAMESPACE, name: 'metrics-server', port: 443 },
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  });
}

interface Port {
  name: string;
  port: number;
  targetPort: number;
  protocol: 'TCP' | 'UDP';
}

/** A Service without a selector, and where it leads. */
async function expose(admin: Access, name: string, ports: readonly Port[], clusterIP?: string): Promise<void> {
  await mustCall(admin, 'POST', `/api/v1/namespaces/${NAMESPACE}/services`, {
    metadata: { name },
    spec: { clusterIP, ports },
  });
  await mustCall(admin, 'POST', `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, {
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [OUTSIDE], conditions: { ready: true } }],
    ports: ports.map(({ name: port, targetPort, protocol }) => ({ name: port, port: targetPort, protocol })),
  });
}

async function kubeconfigOf({ servers, users }: RealControlPlane, name: AddOn): Promise<string> {
  const access = users.get(name);
  if (!access) throw new Error(`no token for ${name}`);
  const path = join(servers.folder, `${name}.kubeconfig`);
  await writeKubeconfig(path, access);
  return path;
}
