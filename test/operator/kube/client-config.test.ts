/** Which configuration is found, and what is said when there is none. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { ConnectError, connect } from '../../../operator/kube/connect.ts';
import { readLogin } from '../../../operator/kube/http-config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-config-'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

interface Part {
  name: string;
  context?: object;
  cluster?: object;
  user?: object | null;
  current?: string;
}

/** One cluster, user and context of one name. @returns the path */
async function write(
  file: string,
  { name, context, cluster, user = { token: 't' }, current = name }: Part,
): Promise<string> {
  const path = join(folder, file);
  await mkdir(join(path, '..'), { recursive: true });
  const config = {
    clusters: [{ name, cluster: { server: `https://${name}.example.com/`, ...cluster } }],
    users: user ? [{ name, user }] : [],
    contexts: [{ name, context: { cluster: name, user: name, ...context } }],
    'current-context': current,
  };
  await writeFile(path, stringify(config));
  return path;
}

async function serviceAccount(): Promise<string> {
  const root = join(folder, 'root');
  const place = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'token'), 'pod-token\n');
  await writeFile(join(place, 'ca.crt'), 'ca');
  await writeFile(join(place, 'namespace'), 'modelship-system\n');
  return root;
}

describe('a configuration', () => {
  it('is that which is named, before KUBECONFIG, before the one at home, before the pod', async () => {
    const root = await serviceAccount();
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.96.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    const found = async (kubeconfig?: string) => (await readLogin({ kubeconfig, root })).server;
    expect(await found()).toBe('https://10.96.0.1:443');
    await write('.kube/config', { name: 'home' });
    expect(await found()).toBe('https://home.example.com');
    vi.stubEnv('KUBECONFIG', await write('env', { name: 'env' }));
    expect(await found()).toBe('https://env.example.com');
    expect(await found(await write('named', { name: 'named' }))).toBe('https://named.example.com');
  });

  it('of a pod has the namespace and the token file of its ServiceAccount', async () => {
    const root = await serviceAccount();
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    const login = await readLogin({ root });
    expect(login).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'modelship-system', inCluster: true });
    expect(login.tokenFile).toBe(join(root, 'var/run/secrets/kubernetes.io/serviceaccount/token'));
    await expect(readLogin({ root, context: 'x' })).rejects.toThrow('there is no context "x"');
  });

  it('is put together from several files, of which the first wins and some may not be there', async () => {
    const first = await write('first', { name: 'same', context: { namespace: 'one' } });
    const second = await write('second', { name: 'same', cluster: { server: 'https://other' } });
    const third = await write('third', { name: 'more' });
    vi.stubEnv('KUBECONFIG', [join(folder, 'none'), first, second, third].join(delimiter));
    expect(await readLogin({})).toMatchObject({
      server: 'https://same.example.com',
      namespace: 'one',
      context: 'same',
    });
    const more = await readLogin({ context: 'more' });
    expect(more).toMatchObject({ server: 'https://more.example.com', namespace: 'default' });
  });

  it('may do without a user', async () => {
    const path = await write('open', {
      name: 'open',
      user: null,
      context: { user: '' },
      cluster: { server: 'http://x:8080' },
    });
    const { client, server, close } = await connect({ kubeconfig: path });
    expect(server).toBe('http://x:8080');
    expect(client).toBeDefined();
    await close();
  });
});

describe('what is said when', () => {
  const refused = async (options: { kubeconfig?: string; context?: string }) => {
    const error = await connect(options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectError);
    return (error as Error).message;
  };

  it('there is nothing at all', async () => {
    const message = await refused({});
    expect(message).toContain('no Kubernetes configuration');
    expect(message).toContain(join(folder, '.kube', 'config'));
    expect(message).toContain('serviceaccount/token');
    expect(message).toContain('--kubeconfig');
  });

  it('a file does not exist', async () => {
    const none = join(folder, 'none');
    expect(await refused({ kubeconfig: none })).toBe(`there is no kubeconfig at ${none}`);
    vi.stubEnv('KUBECONFIG', none);
    expect(await refused({})).toBe(`KUBECONFIG names ${none}, which does not exist; correct or unset it`);
  });

  const WRONG: [string, Partial<Part>, string | undefined, string][] = [
    ['the context does not exist', {}, 'b', 'there is no context "b" (there: a)'],
    ['no context is current', { current: '' }, undefined, 'no context is current; name one with --context (there: a)'],
    ['the current context does not exist', { current: 'c' }, undefined, 'there is no context "c" (there: a)'],
    [
      'the cluster does not exist',
      { context: { cluster: 'c' } },
      undefined,
      'context "a" names cluster "c", which is not there',
    ],
    [
      'the user does not exist',
      { context: { user: 'u' } },
      undefined,
      'context "a" names user "u", which is not there',
    ],
    [
      'the server is no URL',
      { cluster: { server: 'a:b' } },
      undefined,
      'cluster "a": server "a:b" is no http:// or https:// URL',
    ],
    ['the server is missing', { cluster: { server: '' } }, undefined, 'clusters[0].cluster.server is missing'],
    [
      'the proxy is of another kind',
      { cluster: { 'proxy-url': 'socks5://p' } },
      undefined,
      'no other proxy is supported',
    ],
    ['the token file does not exist', { user: { tokenFile: 'none' } }, undefined, 'ENOENT'],
    ['the certificate does not exist', { user: { 'client-certificate': 'none' } }, undefined, 'ENOENT'],
    [
      'the plugin does not exist',
      { user: { exec: { command: 'no-such-plugin' } } },
      undefined,
      'no-such-plugin ENOENT',
    ],
  ];
  it.each(WRONG)('%s', async (_, part, context, said) => {
    const kubeconfig = await write('config', { name: 'a', ...part });
    expect(await refused({ kubeconfig, ...(context && { context }) })).toContain(said);
  });

  const TEXTS: [string, string, string][] = [
    ['is no YAML, without repeating it', 'users:\n- name: a\n  user: {token: secret-token\n', 'is no YAML: line '],
    ['is empty', '', 'is empty'],
    ['is something else', 'just text', 'is empty'],
  ];
  it.each(TEXTS)('a file %s', async (_, text, said) => {
    const kubeconfig = join(folder, 'config');
    await writeFile(kubeconfig, text);
    const message = await refused({ kubeconfig });
    expect(message).toContain(said);
    expect(message).not.toContain('secret-token');
  });

  it('a file is a folder', async () => {
    expect(await refused({ kubeconfig: folder })).toContain('cannot be read');
  });
});
