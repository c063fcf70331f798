/**
 * Starts a real control plane for tests: a kube-apiserver over an etcd, and if wanted a controller-manager, a scheduler
 * and simulated nodes. Executable: `node test/control-plane/start.ts [--nodes 3]` prints a line to set KUBECONFIG and
 * keeps running until it is told to stop.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { BuildError } from '../go/build.ts';
import { type Access, ADMIN, isReady, type Users, writeTokens } from './access.ts';
import { auditFlags } from './audit.ts';
import { type Binary, CONTROL_PLANE, canProvide, controlPlaneBinaries, SIMULATED } from './build.ts';
import {
  addNodes,
  numberedNodes,
  startControllers,
  startKwok,
  waitForControllers,
  waitForNodes,
} from './controllers.ts';
import {
  type ApiServer,
  type ControlPlaneOptions,
  handle,
  type RealControlPlane,
  type RealOptions,
  type StartOptions,
} from './handle.ts';
import { dockerRuns, startK3s } from './k3s.ts';
import { freePorts, Servers, StartError } from './servers.ts';

export type { NodeSpec } from './controllers.ts';
export type { ApiServer, ControlPlaneOptions, RealControlPlane, StartOptions } from './handle.ts';

const SERVICE_RANGE = '10.96.0.0/16';
const PORT_ATTEMPTS = 3;
const LOOPBACK = '127.0.0.1';

/**
 * Starts an API server alone. There are no controllers: objects are validated, defaulted, stored and watched, but no
 * Deployment makes pods, nothing is garbage-collected, and a deleted namespace stays Terminating.
 */
export async function startApiServer(options: StartOptions = {}): Promise<ApiServer> {
  const needed = ['etcd', 'kube-apiserver'] as const;
  if (await mustUseK3s(needed)) return startK3s(options, []);
  const binaries = await controlPlaneBinaries(needed, options.log);
  return retryPorts(async (servers) => {
    // Pods need no ServiceAccount here, because no controller would make one.
    const own = ['--disable-admission-plugins=ServiceAccount', ...(options.flags?.['kube-apiserver'] ?? [])];
    const alone = { ...options, flags: { ...options.flags, 'kube-apiserver': own } };
    const { admin } = await startServer(servers, binaries, alone, { [ADMIN]: ['system:masters'] });
    return handle(servers, admin, options.audit);
  });
}

/** Builds what startControlPlane() needs, where it is not there yet. @throws BuildError that says what to install */
export async function prepareControlPlane(log?: (line: string) => void): Promise<void> {
  if (!(await mustUseK3s(SIMULATED))) await controlPlaneBinaries(SIMULATED, log);
}

/** Starts an API server, controller-manager, scheduler and kwok, which plays the nodes and the pods on them. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ApiServer> {
  const { nodes: asked = 1, log, prepare } = options;
  const nodes = typeof asked === 'number' ? numberedNodes(asked) : asked;
  if (await mustUseK3s(SIMULATED)) return startK3s(options, nodes, prepare);
  const binaries = await controlPlaneBinaries(SIMULATED, log);
  return retryPorts(async (servers) => {
    const { admin, others } = await startServer(servers, binaries, options, {
      [ADMIN]: ['system:masters'],
      'system:kube-controller-manager': [],
      'system:kube-scheduler': [],
      kwok: ['system:masters'],
    });
    await prepare?.(admin);
    const launch = { servers, binaries, users: others, flags: options.flags ?? {} };
    await startControllers(launch);
    await startKwok(launch);
    await addNodes(admin, nodes);
    await waitForControllers(servers, admin);
    await waitForNodes(servers, admin, 'kwok', nodes.length);
    log?.('controller-manager, scheduler and nodes are ready');
    return handle(servers, admin, options.audit);
  });
}

/**
 * Starts an API server, controller-manager and scheduler at an address that pods reach, for nodes that are real: these
 * run as further servers, each as one of `users`.
 */
export async function startForNodes(options: RealOptions): Promise<RealControlPlane> {
  const binaries = await controlPlaneBinaries(CONTROL_PLANE, options.log);
  return retryPorts(async (servers) => {
    const { admin, others } = await startServer(servers, binaries, options, {
      [ADMIN]: ['system:masters'],
      'system:kube-controller-manager': [],
      'system:kube-scheduler': [],
      ...options.users,
    });
    const launch = { servers, binaries, users: others, flags: options.flags ?? {} };
    await startControllers(launch);
    await waitForControllers(servers, admin);
    return { server: await handle(servers, admin, options.audit), servers, admin, users: others };
  });
}

/** @throws BuildError where there is neither a way to have the binaries nor Docker */
async function mustUseK3s(needed: readonly Binary[]): Promise<boolean> {
  if (await canProvide(needed)) return false;
  if (await dockerRuns()) return true;
  throw new BuildError(`a control plane for tests needs ${needed.join(', ')}, and there is no Go on the PATH to build \
them with: install Go, or start Docker (K3s runs in it then), or point KUBEBUILDER_ASSETS at a folder that holds them`);
}

/** Another process can take a port between our finding it free and the server's binding it. */
async function retryPorts<T>(start: (servers: Servers) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const servers = await Servers.open();
    try {
      return await start(servers);
    } catch (error) {
      await servers.stop();
      const portTaken = error instanceof StartError && error.message.includes('address already in use');
      if (!portTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function startServer(
  servers: Servers,
  binaries: Record<'etcd' | 'kube-apiserver', string>,
  { log, flags, audit, address = LOOPBACK }: StartOptions & { address?: string },
  users: Users,
): Promise<{ admin: Access; others: Map<string, Access> }> {
  const started = performance.now();
  const { folder } = servers;
  const [etcdPort, port] = (await freePorts(2)) as [number, number];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const url = `https://${address}:${port}`;
  const tokens = await writeTokens(join(folder, 'tokens.csv'), users);
  await writeServiceAccountKeys(folder);

  servers.run('etcd', binaries.etcd, [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
    '--log-level=warn',
    ...(flags?.etcd ?? []),
  ]);
  servers.run('kube-apiserver', binaries['kube-apiserver'], [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    // A loopback address is no valid endpoint of the Service "kubernetes"; without this the log fills with refusals.
    ...(address === LOOPBACK ? ['--endpoint-reconciler-type=none'] : []),
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certs')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--allow-privileged=true',
    '--profiling=false',
    ...(audit ? await auditFlags(folder) : []),
    ...(flags?.['kube-apiserver'] ?? []),
  ]);

  let ca = '';
  await servers.await('kube-apiserver', async () => {
    ca ||= await readServingCa(join(folder, 'certs'));
    const admin = { url, token: tokens.get(ADMIN) ?? '', ca };
    return isReady(admin);
  });
  log?.(`kube-apiserver is ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  await writeFile(join(folder, 'ca.crt'), ca);
  const others = new Map([...tokens].map(([user, token]) => [user, { url, token, ca }]));
  const admin = others.get(ADMIN);
  if (!admin) throw new Error(`the token file names no ${ADMIN}`);
  return { admin, others };
}

/** The server signs its certificate with an authority of its own and writes both, the authority last. */
async function readServingCa(folder: string): Promise<string> {
  await stat(join(folder, 'apiserver.key')); // written after the certificate, so by now that is whole
  const pem = await readFile(join(folder, 'apiserver.crt'), 'utf8');
  const ca = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g)?.at(-1);
  if (!ca) throw new Error('the serving certificate is not written yet');
  return ca;
}

async function writeServiceAccountKeys(folder: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(join(folder, 'service-account.key'), privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'service-account.pub'), publicKey);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { nodes: { type: 'string' } } });
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
  const asked = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  const server = nodes === undefined ? await startApiServer({ log }) : await startControlPlane({ log, nodes });
  process.stdout.write(`export KUBECONFIG=${server.kubeconfigPath}\n`);
  await asked;
  await server.stop();
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    const known = error instanceof BuildError || error instanceof StartError;
    process.stderr.write(`${known ? error.message : inspect(error)}\n`);
    process.exitCode = 1;
  });
}
