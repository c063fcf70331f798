/**
 * The same control plane where it cannot be built: K3s and kwok as containers, over the docker command line.
 * NOT RUN YET: it was written where no image could be pulled. Its command lines are tested, that they work is not.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, ADMIN, isReady, type Users, writeKubeconfig, writeTokens } from './access.ts';
import { type Binary, versionOf } from './build.ts';
import { addNodes, KWOK_FLAGS, type NodeSpec, waitForControllers, waitForNodes } from './controllers.ts';
import { type ApiServer, type ControlPlaneOptions, handle, type StartOptions } from './handle.ts';
import { Servers, StartError } from './servers.ts';
import { must, runs } from './tools.ts';

type Flags = NonNullable<StartOptions['flags']>;

const USERS: Users = { [ADMIN]: ['system:masters'], kwok: ['system:masters'] };
const PORT = 6443;
const TOKENS = '/modelship-tokens.csv';
const KUBECONFIG = '/modelship-kubeconfig';
const CA = '/var/lib/rancher/k3s/server/tls/server-ca.crt';
const READY_MS = 120_000;

/** How K3s hands a flag on to each part of it. It has no etcd. */
const PARTS = {
  'kube-apiserver': '--kube-apiserver-arg',
  'kube-controller-manager': '--kube-controller-manager-arg',
  'kube-scheduler': '--kube-scheduler-arg',
} as const satisfies Partial<Record<Binary, string>>;

/** Whether a Docker daemon answers. */
export const dockerRuns = (): Promise<boolean> => runs('docker', 'version');

/** Arguments of docker for the container of K3s: a server without a node of its own and without add-ons. */
export function k3sCommand(container: string, version: string, flags: Flags = {}): string[] {
  const passedOn = (Object.keys(PARTS) as (keyof typeof PARTS)[]).flatMap((part) =>
    (flags[part] ?? []).map((flag) => `${PARTS[part]}=${flag.replace(/^--/, '')}`),
  );
  return [
    ...['create', '--name', container, '--privileged', '--tmpfs', '/run', '--tmpfs', '/var/run'],
    ...['--publish', `127.0.0.1::${PORT}`, `rancher/k3s:${version}-k3s1`, 'server'],
    '--disable-agent',
    '--disable=coredns,servicelb,traefik,local-storage,metrics-server',
    '--disable-cloud-controller',
    '--disable-network-policy',
    '--disable-helm-controller',
    '--flannel-backend=none',
    '--egress-selector-mode=disabled',
    `${PARTS['kube-apiserver']}=token-auth-file=${TOKENS}`,
    ...passedOn,
  ];
}

/** Arguments of docker for the container of kwok: it shares the network of the other, and so reaches it on its loopback. */
export function kwokCommand(container: string, k3s: string, version: string, flags: Flags = {}): string[] {
  return [
    ...['create', '--name', container, '--user', '0', '--network', `container:${k3s}`],
    ...[`registry.k8s.io/kwok/kwok:${version}`, `--kubeconfig=${KUBECONFIG}`, ...KWOK_FLAGS, ...(flags.kwok ?? [])],
  ];
}

/**
 * Starts K3s, and kwok too where there are nodes. Unlike startApiServer() it always has its controllers.
 * @throws StartError for an audit log, which would lie in the container
 */
export async function startK3s(
  options: StartOptions,
  nodes: readonly NodeSpec[],
  prepare?: ControlPlaneOptions['prepare'],
): Promise<ApiServer> {
  if (options.audit) throw new StartError('an audit log takes an API server of our own: install Go to build it');
  const servers = await Servers.open();
  try {
    const { folder } = servers;
    const tokens = await writeTokens(join(folder, 'tokens.csv'), USERS);
    const container = `modelship-k3s-${randomBytes(5).toString('hex')}`;
    const admin = await startServer(servers, container, options, tokens.get(ADMIN) ?? '');
    await prepare?.(admin);
    if (nodes.length > 0) {
      await startKwok(servers, container, options, { ...admin, token: tokens.get('kwok') ?? '' });
      await addNodes(admin, nodes);
      await waitForControllers(servers, admin);
      await waitForNodes(servers, admin, 'kwok', nodes.length);
    }
    return await handle(servers, admin);
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function startServer(
  servers: Servers,
  container: string,
  { flags, log }: StartOptions,
  token: string,
): Promise<Access> {
  const { folder } = servers;
  log?.('starting K3s (pulls its image, the first time)');
  await must('docker', k3sCommand(container, await versionOf('kube-apiserver'), flags));
  await must('docker', ['cp', join(folder, 'tokens.csv'), `${container}:${TOKENS}`]);
  attach(servers, 'k3s', container);
  let admin: Access | undefined;
  const ready = async (): Promise<boolean> => {
    admin ??= await accessTo(container, folder, token);
    return isReady(admin);
  };
  await servers.await('k3s', ready, READY_MS);
  if (!admin) throw new StartError('K3s gave no address');
  return admin;
}

async function startKwok(servers: Servers, k3s: string, { flags }: StartOptions, user: Access): Promise<void> {
  const container = `${k3s}-kwok`;
  const kubeconfig = join(servers.folder, 'kwok.kubeconfig');
  await writeKubeconfig(kubeconfig, { ...user, url: `https://127.0.0.1:${PORT}` });
  await must('docker', kwokCommand(container, k3s, await versionOf('kwok'), flags));
  await must('docker', ['cp', kubeconfig, `${container}:${KUBECONFIG}`]);
  attach(servers, 'kwok', container);
}

/** Starts a container, which ends with the servers, however these end. */
function attach(servers: Servers, name: string, container: string): void {
  servers.atEnd(['docker', 'rm', '--force', '--volumes', container]);
  servers.run(name, 'docker', ['start', '--attach', container]);
}

/** @throws Error while K3s has not got that far */
async function accessTo(container: string, folder: string, token: string): Promise<Access> {
  const published = await must('docker', ['port', container, `${PORT}/tcp`]);
  const caPath = join(folder, 'ca.crt');
  await must('docker', ['cp', `${container}:${CA}`, caPath]);
  return { url: `https://${published.trim().split('\n')[0]}`, token, ca: await readFile(caPath, 'utf8') };
}
