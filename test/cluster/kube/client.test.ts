/** The HTTP client on a real API server. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { RequestSeen } from '../../../operator/kube/client.ts';
import { type Connection, connect } from '../../../operator/kube/connect.ts';
import { CONFIG_MAPS } from '../../../operator/reconcile/resources.ts';
import { namespace, useCluster } from '../harness/cluster.ts';
import { describeKubeClient, failure } from './client-contract.ts';

const { kubeconfigPath, url, token } = useCluster();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-client-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Kubeconfig {
  users: [{ user: Record<string, unknown> }];
  clusters: [{ cluster: Record<string, unknown> }];
  contexts: [{ context: Record<string, unknown> }];
}

/** A kubeconfig of the shared control plane, changed. @returns its path */
async function kubeconfig(name: string, change: (config: Kubeconfig) => void): Promise<string> {
  const config = parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
  change(config);
  const path = join(folder, name);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

const impersonating = (user: string) =>
  kubeconfig(`as-${user}`, ({ users: [{ user: own }] }) => {
    own.as = user;
  });

describeKubeClient('the HTTP client', async () => {
  const admin = await connect({ kubeconfig: kubeconfigPath });
  const nobody = await connect({ kubeconfig: await impersonating('nobody') });
  const close = async () => {
    await Promise.all([admin.close(), nobody.close()]);
  };
  return { client: admin.client, nobody: nobody.client, namespace: await namespace(), close };
});

describe('a connection', () => {
  const open: Connection[] = [];
  afterAll(() => Promise.all(open.map((connection) => connection.close())));

  it('knows its server, and sees each request once', async () => {
    const seen: RequestSeen[] = [];
    const connection = await connect({ kubeconfig: kubeconfigPath, observe: (request) => seen.push(request) });
    open.push(connection);
    expect(connection).toMatchObject({ server: url, namespace: 'default', inCluster: false });
    await connection.client.get(CONFIG_MAPS, { namespace: 'default', name: 'none' });
    const { signal } = new AbortController();
    const { resourceVersion } = await connection.client.list(CONFIG_MAPS, {});
    await connection.client.watch(CONFIG_MAPS, { resourceVersion, timeoutSeconds: 1, signal }, () => {});
    expect(seen).toEqual([
      { verb: 'get', resource: 'configmaps', status: 404, seconds: expect.any(Number), error: undefined },
      { verb: 'list', resource: 'configmaps', status: 200, seconds: expect.any(Number), error: undefined },
      { verb: 'watch', resource: 'configmaps', status: 200, seconds: expect.any(Number), error: undefined },
    ]);
    expect(seen[2]?.seconds).toBeGreaterThan(0.5);
  });

  it('with a wrong token is Unauthorized, and the message has no token', async () => {
    const path = await kubeconfig('stranger', ({ users: [{ user }] }) => {
      user.token = 'not-a-token-of-this-cluster';
    });
    const connection = await connect({ kubeconfig: path });
    open.push(connection);
    const error = await failure(connection.client.get(CONFIG_MAPS, { namespace: 'default', name: 'x' }));
    expect(error).toMatchObject({ code: 'Unauthorized', status: 401 });
    expect(error.message).not.toContain('not-a-token');
  });

  it('does not trust a server whose certificate another authority signed', async () => {
    const path = await kubeconfig('untrusting', ({ clusters: [{ cluster }] }) => {
      delete cluster['certificate-authority-data'];
    });
    const connection = await connect({ kubeconfig: path });
    open.push(connection);
    const error = await failure(connection.client.get(CONFIG_MAPS, { namespace: 'default', name: 'x' }));
    expect(error).toMatchObject({ code: 'Unavailable', status: 0 });
    expect(error.message).toContain('certificate');
    expect(error.message).not.toContain(token);
  });

  it('follows a token file that is relative to its kubeconfig', async () => {
    await writeFile(join(folder, 'token'), `${token}\n`);
    const path = await kubeconfig('with-file', ({ users: [{ user }] }) => {
      delete user.token;
      user.tokenFile = 'token';
    });
    const connection = await connect({ kubeconfig: path });
    open.push(connection);
    expect(await connection.client.kinds('apps/v1')).toContain('Deployment');
  });

  it('asks a plugin for its token', async () => {
    const status = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
    const path = await kubeconfig('with-plugin', ({ users: [entry] }) => {
      const args = ['-c', `test -n "$KUBERNETES_EXEC_INFO" && echo '${JSON.stringify(status)}'`];
      entry.user = { exec: { apiVersion: status.apiVersion, command: 'sh', args, interactiveMode: 'Never' } };
    });
    const connection = await connect({ kubeconfig: path });
    open.push(connection);
    expect(await connection.client.kinds('apps/v1')).toContain('Deployment');
  });
});
