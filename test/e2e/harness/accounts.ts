/** Users of the cluster other than its administrator: ServiceAccounts, each with a kubeconfig of its own. */
import { mkdtempSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { must } from '../../control-plane/tools.ts';
import { type Kubectl, kubectl, kubectlOf } from './kubectl.ts';

export interface Account {
  /** As Kubernetes calls it. */
  name: string;
  /** kubectl as this user. @param namespace their own by default */
  kubectl(namespace?: string): Kubectl;
  /** The `modelship` command as this user. */
  modelship(...args: string[]): Promise<string>;
}

/**
 * Makes a ServiceAccount in the namespace, which is the default one in its kubeconfig.
 * @param role that it gets there, one of Kubernetes' own; none when left out
 */
export async function addAccount(namespace: string, name: string, role?: 'view' | 'edit' | 'admin'): Promise<Account> {
  const run = kubectl(namespace);
  await run('create', 'serviceaccount', name);
  if (role) {
    const binding = ['create', 'rolebinding', `${name}-${role}`, `--clusterrole=${role}`];
    await run(...binding, `--serviceaccount=${namespace}:${name}`);
  }
  const token = (await run('create', 'token', name, '--duration=1h')).trim();
  const path = join(mkdtempSync(join(tmpdir(), 'modelship-account-')), 'kubeconfig');
  await writeFile(path, JSON.stringify(await kubeconfig(namespace, name, token)), { mode: 0o600 });
  const env = { ...process.env, KUBECONFIG: path };
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    kubectl: (other) => kubectlOf(path, other),
    modelship: (...args) => must(process.execPath, ['cli/modelship.mjs', ...args], { env }),
  };
}

interface Kubeconfig {
  clusters: object[];
  contexts: { context: { cluster: string } }[];
}

/** The administrator's, with another user. */
async function kubeconfig(namespace: string, name: string, token: string): Promise<object> {
  const env = { ...process.env, KUBECONFIG: inject('e2e').kubeconfig };
  const text = await must('kubectl', ['config', 'view', '--minify', '--raw', '--output', 'json'], { env });
  const { clusters, contexts } = JSON.parse(text) as Kubeconfig;
  const cluster = contexts[0]?.context.cluster;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters,
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster, user: name, namespace } }],
    'current-context': name,
  };
}

/** The words of a command that must not succeed. @throws Error when it does */
export async function refused(command: Promise<unknown>): Promise<string> {
  const said = await command.then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (said === undefined) throw new Error('it was allowed');
  return said;
}
