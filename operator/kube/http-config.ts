/** Finds and reads a kubeconfig, or the ServiceAccount of the pod that this runs in. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Cluster, Context, KubeConfig, User } from '@kubernetes/client-node';
import { LineCounter, parseDocument } from 'yaml';

/** There is no configuration that can be used. The message says what was looked for and what to do. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
}

/** Which API server, as whom. */
export interface Login {
  /** One cluster, one user, one context. */
  config: KubeConfig;
  /** URL of the API server, without a slash at its end. */
  server: string;
  context: string;
  /** Of the context, or of the ServiceAccount; else `default`. */
  namespace: string;
  inCluster: boolean;
  /** Holds the token; read again and again, because it is rotated. */
  tokenFile: string | undefined;
  /** URL of an HTTP proxy. */
  proxy: string | undefined;
}

export interface LoginOptions {
  /** A file, instead of what KUBECONFIG and the home folder have. */
  kubeconfig?: string | undefined;
  /** Instead of the current one. */
  context?: string | undefined;
  /** Where a ServiceAccount is looked for; for tests. Default `/`. */
  root?: string | undefined;
}

const TOKEN_FILE = 'var/run/secrets/kubernetes.io/serviceaccount/token';
const MOST_NAMES = 20;

/** Looks where kubectl looks, in its order. @throws ConnectError */
export async function readLogin({ kubeconfig, context, root = '/' }: LoginOptions): Promise<Login> {
  const files = kubeconfigFiles(kubeconfig);
  // Costs 90 MB and a third of a second, so only who needs it pays.
  const { KubeConfig } = await import('@kubernetes/client-node');
  if (files.length > 0) {
    const { config, tokenFiles } = readFiles(files, () => new KubeConfig());
    return loginOf(config, chooseContext(config, files.join(', '), context), tokenFiles);
  }
  const token = join(root, TOKEN_FILE);
  const inPod = Boolean(process.env.KUBERNETES_SERVICE_HOST) && existsSync(token);
  if (!inPod) throw nothingFound(token);
  if (context !== undefined) {
    throw new ConnectError(`there is no context "${context}": only this pod's ServiceAccount was found, no kubeconfig`);
  }
  const config = new KubeConfig();
  config.loadFromCluster(root === '/' ? '' : root);
  const [own] = config.contexts;
  if (!own) throw nothingFound(token);
  return { ...loginOf(config, own, new Map()), inCluster: true };
}

function kubeconfigFiles(given: string | undefined): string[] {
  if (given !== undefined) {
    if (!existsSync(given)) throw new ConnectError(`there is no kubeconfig at ${given}`);
    return [resolve(given)];
  }
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter(Boolean);
  const present = listed.filter((file) => existsSync(file));
  if (listed.length > 0 && present.length === 0) {
    throw new ConnectError(`KUBECONFIG names ${listed.join(', ')}, which does not exist; correct or unset it`);
  }
  if (present.length > 0) return present.map((file) => resolve(file));
  const home = homeFile();
  return existsSync(home) ? [home] : [];
}

function homeFile(): string {
  return join(homedir(), '.kube', 'config');
}

function nothingFound(token: string): ConnectError {
  return new ConnectError(
    `no Kubernetes configuration: KUBECONFIG is not set, ${homeFile()} does not exist, and this is no pod with a ` +
      `ServiceAccount (${token}); name a file with --kubeconfig or in KUBECONFIG`,
  );
}

/** Several files become one as kubectl does it: what comes first wins. */
function readFiles(files: readonly string[], make: () => KubeConfig) {
  const config = make();
  const tokenFiles = new Map<string, string>();
  for (const file of files) {
    const one = make();
    const found = tokenFilesOf(file);
    try {
      one.loadFromFile(file);
    } catch (error) {
      throw new ConnectError(`the kubeconfig ${file} cannot be used: ${(error as Error).message}`, { cause: error });
    }
    for (const [user, path] of found) if (!config.getUser(user)) tokenFiles.set(user, path);
    config.clusters = addMissing(config.clusters, one.clusters);
    config.users = addMissing(config.users, one.users);
    config.contexts = addMissing(config.contexts, one.contexts);
    config.currentContext ||= one.currentContext;
  }
  return { config, tokenFiles };
}

function addMissing<T extends { name: string }>(into: T[], more: readonly T[]): T[] {
  return [...into, ...more.filter(({ name }) => into.every((one) => one.name !== name))];
}

/** client-node does not know `tokenFile` of a kubeconfig's user. */
function tokenFilesOf(file: string): Map<string, string> {
  const found = new Map<string, string>();
  const { users } = parseYaml(file) as { users?: { name?: string; user?: { tokenFile?: unknown } | null }[] | null };
  for (const { name, user } of Array.isArray(users) ? users : []) {
    if (name && typeof user?.tokenFile === 'string') found.set(name, resolve(dirname(file), user.tokenFile));
  }
  return found;
}

/** Says only where it is wrong: around it there are tokens. */
function parseYaml(file: string): object {
  const lineCounter = new LineCounter();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConnectError(`the kubeconfig ${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const document = parseDocument(text, { prettyErrors: false, lineCounter });
  const [wrong] = document.errors;
  if (wrong) {
    const { line } = lineCounter.linePos(wrong.pos[0]);
    throw new ConnectError(`the kubeconfig ${file} is no YAML: line ${line}, ${wrong.code}`);
  }
  const value: unknown = document.toJS();
  if (typeof value === 'object' && value !== null) return value;
  throw new ConnectError(`the kubeconfig ${file} is empty`);
}

function chooseContext(config: KubeConfig, files: string, asked: string | undefined): Context {
  const name = asked ?? config.currentContext;
  const names = config.contexts.map((context) => context.name);
  const others = names.slice(0, MOST_NAMES).join(', ') || 'none';
  if (!name) throw new ConnectError(`${files}: no context is current; name one with --context (there: ${others})`);
  const context = config.contexts.find((one) => one.name === name);
  if (!context) throw new ConnectError(`${files}: there is no context "${name}" (there: ${others})`);
  return context;
}

function loginOf(config: KubeConfig, context: Context, tokenFiles: ReadonlyMap<string, string>): Login {
  const cluster = config.clusters.find(({ name }) => name === context.cluster);
  if (!cluster)
    throw new ConnectError(`context "${context.name}" names cluster "${context.cluster}", which is not there`);
  const user = config.users.find(({ name }) => name === context.user);
  if (context.user && !user) {
    throw new ConnectError(`context "${context.name}" names user "${context.user}", which is not there`);
  }
  const server = serverOf(cluster);
  const { user: own, tokenFile } = ownUser(user ?? { name: 'anonymous' }, tokenFiles);
  config.loadFromOptions({
    // client-node refuses http:// unless certificates are not looked at, of which there are none.
    clusters: [{ ...cluster, skipTLSVerify: cluster.skipTLSVerify || server.startsWith('http:') }],
    users: [own],
    contexts: [{ ...context, user: own.name }],
    currentContext: context.name,
  });
  return {
    config,
    server,
    context: context.name,
    namespace: context.namespace?.trim() || 'default',
    inCluster: false,
    tokenFile,
    proxy: proxyOf(cluster),
  };
}

function serverOf({ name, server }: Cluster): string {
  const protocol = URL.canParse(server) ? new URL(server).protocol : '';
  if (protocol === 'https:' || protocol === 'http:') return server.replace(/\/+$/, '');
  throw new ConnectError(`cluster "${name}": server "${server}" is no http:// or https:// URL`);
}

function proxyOf({ name, proxyUrl }: Cluster): string | undefined {
  if (!proxyUrl || /^https?:\/\//.test(proxyUrl)) return proxyUrl || undefined;
  throw new ConnectError(
    `cluster "${name}": proxy-url must be an http:// or https:// URL; no other proxy is supported`,
  );
}

/** Token files are read by us, since client-node would keep a token for a minute. */
function ownUser(user: User, tokenFiles: ReadonlyMap<string, string>): { user: User; tokenFile: string | undefined } {
  const { authProvider, exec } = user;
  const provided: unknown = authProvider?.config?.tokenFile;
  if (typeof provided === 'string') return { user: { ...user, authProvider: undefined }, tokenFile: provided };
  const tokenFile = tokenFiles.get(user.name);
  if (!exec) return { user, tokenFile };
  const info = { apiVersion: exec.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
  return { user: { ...user, exec: { ...exec, env } }, tokenFile };
}
