/** An informer whose API server is restarted, forgets its past, or is restored from a backup. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { connect } from '../../../operator/kube/connect.ts';
import { type Access, call, mustCall } from '../../control-plane/access.ts';
import { canProvide } from '../../control-plane/build.ts';
import { startApiServer } from '../../control-plane/start.ts';
import { eventually } from '../harness/eventually.ts';
import { accessOf, answers, Writer, watch } from './informer-bench.ts';
import { Restarts } from './restart.ts';
import { TcpProxy } from './tcp-proxy.ts';

const TIME = 120_000;

/** Where the API server runs in a container, it is not for us to kill, and what is under it is no etcd. */
const ownProcesses = await canProvide(['etcd', 'kube-apiserver']);

/** Without its cache the API server asks etcd, which forgets what is older than two of these intervals. */
const FORGETFUL = { 'kube-apiserver': ['--watch-cache=false', '--etcd-compaction-interval=3s'] };

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

async function versionNow(access: Access): Promise<string> {
  const { metadata } = (await mustCall(access, 'GET', CONFIG_MAPS)) as { metadata: { resourceVersion: string } };
  return metadata.resourceVersion;
}

/** Writes on until the API server does not know any more what was at that version. */
async function forgotten(access: Access, version: string, write: (turn: number) => Promise<void>): Promise<void> {
  let turn = 0;
  await eventually(
    `version ${version} is forgotten`,
    async () => {
      await write(turn++);
      const path = `${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=Exact`;
      return (await call(access, 'GET', path)).status === 410;
    },
    { everyMs: 500, timeoutMs: 60_000 },
  );
}

describe.skipIf(!ownProcesses || !existsSync('/proc/self/cmdline'))('an API server that is killed', () => {
  it('and comes back on its data is followed on', { timeout: TIME }, async () => {
    await using server = await startApiServer();
    await using restarts = await Restarts.of(server);
    const access = await accessOf(server);
    const writer = new Writer(access, 'default');
    await using watched = await watch(access, { ...server, namespace: 'default' });
    await writer.create('before', 'doomed');
    await watched.agrees(writer);
    await restarts.kill('kube-apiserver');
    await sleep(300);
    expect(watched.followed().join()).toMatch(/before.*doomed/);
    restarts.start('kube-apiserver');
    await answers(access);
    await writer.delete('doomed');
    await writer.create('after');
    await watched.agrees(writer);
    await eventually('it is healthy', async () => watched.informer.healthy);
    for (const reason of watched.relists) expect(reason).toBe('Expired');
  });

  it('and comes back from a backup, which it does not say, is believed', { timeout: TIME }, async () => {
    await using server = await startApiServer();
    await using restarts = await Restarts.of(server);
    const access = await accessOf(server);
    const writer = new Writer(access, 'default');
    await writer.create('old');
    await restarts.kill('kube-apiserver');
    await restarts.kill('etcd');
    await restarts.copy('etcd', 'backup');
    restarts.start('etcd');
    restarts.start('kube-apiserver');
    await answers(access);

    await using watched = await watch(access, { ...server, namespace: 'default', timing: { silentMs: 3_000 } });
    await writer.create(...Array.from({ length: 300 }, (_, i) => `lost-${i}`));
    await watched.agrees(writer);
    await restarts.kill('kube-apiserver');
    await restarts.kill('etcd');
    await restarts.copy('backup', 'etcd');
    restarts.start('etcd');
    restarts.start('kube-apiserver');
    await answers(access);
    await writer.create('new');
    await watched.agrees(writer);
    expect(watched.followed().join()).toMatch(/new@\d+,old@\d+$/);
  });
});

describe.skipIf(!ownProcesses)('an API server that forgets', () => {
  it('where a watch stood makes the informer list', { timeout: TIME }, async () => {
    await using server = await startApiServer({ flags: FORGETFUL });
    const access = await accessOf(server);
    const writer = new Writer(access, 'default');
    await using proxy = await TcpProxy.open(server.url);
    await using watched = await watch(access, { url: proxy.url, folder: server.folder, namespace: 'default' });
    await writer.create('before', 'doomed');
    await watched.agrees(writer);
    await proxy.refuse();
    const stood = await versionNow(access);
    await writer.delete('doomed');
    await forgotten(access, stood, (i) => writer.create(`meanwhile-${i}`));
    await proxy.forward();
    await watched.agrees(writer);
    expect(watched.relists).toEqual(['Expired']);
  });

  it('where a list stood makes the informer begin it anew', { timeout: TIME }, async () => {
    await using server = await startApiServer({ flags: FORGETFUL });
    const access = await accessOf(server);
    const writer = new Writer(access, 'default');
    await writer.create('a', 'b', 'c', 'd');
    const { client: real, close } = await connect({ kubeconfig: server.kubeconfigPath });
    let began = '';
    const client: Pick<KubeClient, 'list' | 'watch'> = {
      watch: (...args) => real.watch(...args),
      list: async (resource, options) => {
        if (options.continue) await forgotten(access, began, (i) => writer.change('a', { i: String(i) }));
        const page = await real.list(resource, options);
        began = page.resourceVersion;
        return page;
      },
    };
    const options = { url: server.url, folder: server.folder, client, namespace: 'default', timing: { pageSize: 2 } };
    await using watched = await watch(access, options);
    expect(watched.relists).toEqual(['PageExpired', 'PageExpired']);
    await writer.delete('d');
    await watched.agrees(writer);
    await eventually('the watch goes on', async () => watched.informer.healthy);
    await close();
  });
});
