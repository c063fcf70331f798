/**
 * Starts a real control plane for tests: a kube-apiserver over an etcd, and if wanted a controller-manager, a scheduler
 * and simulated nodes. Executable: `node test/control-plane/start.ts [--nodes 3]` prints a line to set KUBECONFIG and
 * keeps running until it is told to stop.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { type Access, call, writeKubeconfig } from './access.ts';
import { ALL_BINARIES, type Binary, BuildError, controlPlaneBinaries } from './build.ts';
import { addNodes, type NodeSpec, numberedNodes, startControllers, waitForControllers } from './controllers.ts';
import { freePorts, Servers, StartError } from './servers.ts';

export type { NodeSpec } from './controllers.ts';

export interface StartOptions {
  /** Gets a line for each slow step: a build, a server that is ready. */
  log?: (line: string) => void;
  /** Extra flags for a server, after its own, so that they win: `{'kube-apiserver': ['--v=4']}`. */
  flags?: Partial<Record<Binary, readonly string[]>>;
}

export interface ControlPlaneOptions extends StartOptions {
  /** How many plain nodes, or which; default 1. */
  nodes?: number | readonly NodeSpec[];
}

/** A running API server. Its user is in system:masters; for another, impersonate or make a ServiceAccount's token. */
export interface ApiServer extends AsyncDisposable {
  url: string;
  kubeconfigPath: string;
  token: string;
  caPath: string;
  /** Holds all of the above, and the log of each server as NAME.log. */
  folder: string;
  /** Kills the servers and removes the folder. */
  stop(): Promise<void>;
}

/** A user of the token file: the name, and the groups it is in. */
type Users = Record<string, string[]>;

const ADMIN = 'admin';
const SERVICE_RANGE = '10.96.0.0/16';
const PORT_ATTEMPTS = 3;

/**
 * Starts an API server alone. There are no controllers: objects are validated, defaulted, stored and watched, but no
 * Deployment makes pods, nothing is garbage-collected, and a deleted namespace stays Terminating.
 */
export async function startApiServer(options: StartOptions = {}): Promise<ApiServer> {
  const binaries = await controlPlaneBinaries(['etcd', 'kube-apiserver'], options.log);
  return retryPorts(async (servers) => {
    // Pods need no ServiceAccount here, because no controller would make one.
    const own = ['--disable-admission-plugins=ServiceAccount', ...(options.flags?.['kube-apiserver'] ?? [])];
    const alone = { ...options, flags: { ...options.flags, 'kube-apiserver': own } };
    const { admin } = await startServer(servers, binaries, alone, { [ADMIN]: ['system:masters'] });
    return handle(servers, admin);
  });
}

/** Starts an API server, controller-manager, scheduler and kwok, which plays the nodes and the pods on them. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ApiServer> {
  const binaries = await controlPlaneBinaries(ALL_BINARIES, options.log);
  const { nodes = 1, log } = options;
  return retryPorts(async (servers) => {
    const { admin, others } = await startServer(servers, binaries, options, {
      [ADMIN]: ['system:masters'],
      'system:kube-controller-manager': [],
      'system:kube-scheduler': [],
      kwok: ['system:masters'],
    });
    await startControllers(servers, binaries, others, options.flags ?? {});
    await addNodes(admin, typeof nodes === 'number' ? numberedNodes(nodes) : nodes);
    await waitForControllers(servers, admin);
    log?.('controller-manager, scheduler and nodes are ready');
    return handle(servers, admin);
  });
}

/** Another process can take a port between our finding it free and the server's binding it. */
async function retryPorts(start: (servers: Servers) => Promise<ApiServer>): Promise<ApiServer> {
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
  { log, flags }: StartOptions,
  users: Users,
): Promise<{ admin: Access; others: Map<string, Access> }> {
  const started = performance.now();
  const { folder } = servers;
  const [etcdPort, port] = (await freePorts(2)) as [number, number];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const url = `https://127.0.0.1:${port}`;
  const tokens = await writeTokens(folder, users);
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
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // A loopback address is no valid endpoint of the Service "kubernetes"; without this the log fills with refusals.
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certs')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--allow-privileged=true',
    '--profiling=false',
    ...(flags?.['kube-apiserver'] ?? []),
  ]);

  let ca = '';
  await servers.await('kube-apiserver', async () => {
    ca ||= await readServingCa(join(folder, 'certs'));
    const admin = { url, token: tokens.get(ADMIN) ?? '', ca };
    // readyz does not wait for the first namespaces, which any test needs.
    return (await call(admin, 'GET', '/readyz')).status === 200 && (await hasNamespaces(admin));
  });
  log?.(`kube-apiserver is ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  await writeFile(join(folder, 'ca.crt'), ca);
  const others = new Map([...tokens].map(([user, token]) => [user, { url, token, ca }]));
  const admin = others.get(ADMIN);
  if (!admin) throw new Error(`the token file names no ${ADMIN}`);
  return { admin, others };
}

async function hasNamespaces(admin: Access): Promise<boolean> {
  const answers = ['default', 'kube-system'].map((name) => call(admin, 'GET', `/api/v1/namespaces/${name}`));
  return (await Promise.all(answers)).every(({ status }) => status === 200);
}

/** The server signs its certificate with an authority of its own and writes both, the authority last. */
async function readServingCa(folder: string): Promise<string> {
  await stat(join(folder, 'apiserver.key')); // written after the certificate, so by now that is whole
  const pem = await readFile(join(folder, 'apiserver.crt'), 'utf8');
  const ca = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g)?.at(-1);
  if (!ca) throw new Error('the serving certificate is not written yet');
  return ca;
}

async function writeTokens(folder: string, users: Users): Promise<Map<string, string>> {
  const tokens = new Map(Object.keys(users).map((user) => [user, randomBytes(24).toString('hex')]));
  const lines = Object.entries(users).map(
    ([user, groups]) => `${tokens.get(user)},${user},${user},"${groups.join(',')}"\n`,
  );
  await writeFile(join(folder, 'tokens.csv'), lines.join(''), { mode: 0o600 });
  return tokens;
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

async function handle(servers: Servers, admin: Access): Promise<ApiServer> {
  const { folder } = servers;
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeKubeconfig(kubeconfigPath, admin);
  const stop = (): Promise<void> => servers.stop();
  const { url, token } = admin;
  return { url, kubeconfigPath, token, caPath: join(folder, 'ca.crt'), folder, stop, [Symbol.asyncDispose]: stop };
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
