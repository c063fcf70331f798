/** The shared control plane, as a test sees it. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { type Access, call, mustCall } from '../../control-plane/access.ts';
import { eventually } from './eventually.ts';

export { type EventuallyOptions, eventually } from './eventually.ts';

/** How to reach the control plane; its user may do everything. */
export interface ClusterAccess {
  url: string;
  token: string;
  kubeconfigPath: string;
  /** A file of PEM. */
  caPath: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: ClusterAccess;
  }
}

/** `ca` is PEM: the whole is what `call()` and `mustCall()` of `test/control-plane/access.ts` take. */
export interface Cluster extends ClusterAccess, Access {}

let cluster: Cluster | undefined;
let shared: Cluster | undefined;

const withCa = (given: ClusterAccess): Cluster => ({ ...given, ca: readFileSync(given.caPath, 'utf8') });

/** Says which one useCluster() is to give, where vitest does not provide it. */
export function share(given: ClusterAccess): void {
  if (given.url !== shared?.url) shared = withCa(given);
}

/**
 * The control plane that all tests of `test/cluster` share: API server, controller-manager, scheduler, the nodes of
 * `nodes.ts` and the CRD. Keep to a namespace of your own, and leave nothing behind that has none.
 */
export function useCluster(): Cluster {
  cluster ??= shared ?? withCa(inject('cluster'));
  return cluster;
}

/**
 * Has the tests of this file use a control plane of their own instead, such as one with more CRDs. The file gives it back
 * by `afterAll(useShared)`: those that come after it in this process would go on with it.
 */
export function useOther(given: ClusterAccess): void {
  cluster = withCa(given);
}

/** Undoes `useOther`. */
export function useShared(): void {
  cluster = undefined;
}

/**
 * Makes a namespace with a name of its own, in which pods can be created at once. It stays: removing it is slow, and
 * the control plane goes away.
 */
export async function namespace(labels: Record<string, string> = {}): Promise<string> {
  const name = `test-${randomBytes(5).toString('hex')}`;
  await addNamespace(name, labels);
  return name;
}

/** Like namespace(), of a given name; one that is there already will do. */
export async function addNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
  const access = useCluster();
  const { status, text } = await call(access, 'POST', '/api/v1/namespaces', { metadata: { name, labels } });
  if (status !== 201 && status !== 409) throw new Error(`namespace ${name}: ${status} ${text}`);
  await eventually(`namespace ${name} has its ServiceAccount`, () =>
    mustCall(access, 'GET', `/api/v1/namespaces/${name}/serviceaccounts/default`),
  );
}

export interface Ran {
  /** Exit status. */
  code: number;
  out: string;
  err: string;
}

export interface KubectlOptions {
  /** Written to stdin: `kubectl(['apply', '-f', '-'], {input})`. */
  input?: string;
  namespace?: string;
}

/** Runs kubectl against the control plane. It costs some 80 ms: for what only kubectl shows, or a user would type. */
export function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<Ran> {
  const place = options.namespace === undefined ? [] : [`--namespace=${options.namespace}`];
  const { kubeconfigPath } = useCluster();
  // What kubectl remembers of a server it files by address, and another run's server may have had the same.
  const cache = join(dirname(kubeconfigPath), 'kubectl-cache');
  const all = [`--kubeconfig=${kubeconfigPath}`, `--cache-dir=${cache}`, ...place, ...args];
  return new Promise((resolve, reject) => {
    const child = execFile(kubectlPath(), all, { maxBuffer: 2 ** 26 }, (error, out, err) => {
      if (error?.code === 'ENOENT')
        reject(new Error('kubectl is not on the PATH, nor in KUBEBUILDER_ASSETS: install it'));
      else resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    child.stdin?.on('error', () => undefined); // kubectl may end without reading it
    child.stdin?.end(options.input ?? '');
  });
}

function kubectlPath(): string {
  const own = join(process.env.KUBEBUILDER_ASSETS || '.', 'kubectl');
  return process.env.KUBEBUILDER_ASSETS && existsSync(own) ? own : 'kubectl';
}
