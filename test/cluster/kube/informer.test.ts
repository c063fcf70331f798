/** An informer on the shared control plane, through a network that fails. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { namespace, useCluster } from '../harness/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { type Watched, Writer, watch } from './informer-bench.ts';
import { TcpProxy } from './tcp-proxy.ts';

let space: string;
let writer: Writer;

beforeEach(async () => {
  space = await namespace();
  writer = new Writer(useCluster(), space);
});

function through(proxy: TcpProxy, options: Omit<Parameters<typeof watch>[1], 'url' | 'folder'> = {}): Promise<Watched> {
  const cluster = useCluster();
  return watch(cluster, { url: proxy.url, folder: dirname(cluster.kubeconfigPath), namespace: space, ...options });
}

const names = (stem: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${stem}-${i}`);

describe('an informer behind a bad network', () => {
  it('takes a list of many pages, and follows what happens after it', async () => {
    await writer.create(...names('page', 12));
    await using proxy = await TcpProxy.open(useCluster().url);
    await using watched = await through(proxy, { timing: { pageSize: 5 } });
    expect(watched.informer.list().map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(names('page', 12)),
    );
    await writer.change('page-3', { a: 'b' });
    await writer.delete('page-4');
    await watched.agrees(writer);
    expect(watched.relists).toEqual([]);
  });

  it('misses nothing while its connections are cut in the middle of the watch, and needs no list', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    await using watched = await through(proxy);
    let writing = true;
    const cutting = (async () => {
      for (let cuts = 0; ; cuts++) {
        if (!writing) return cuts;
        await sleep(60);
        proxy.cut();
      }
    })();
    for (const round of names('round', 15)) {
      await writer.create(...names(round, 6));
      await writer.change(`${round}-0`, { round });
      await writer.delete(...names(round, 4));
    }
    writing = false;
    expect(await cutting).toBeGreaterThan(5);
    await watched.agrees(writer);
    expect(watched.relists).toEqual([]);
  });

  it('goes on from where it was when the API server could not be reached for a while', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    await using watched = await through(proxy);
    await writer.create('before', 'doomed');
    await watched.agrees(writer);
    await proxy.refuse();
    await writer.create('meanwhile');
    await writer.delete('doomed');
    await sleep(500);
    expect(watched.followed().join()).toMatch(/doomed/);
    await proxy.forward();
    await watched.agrees(writer);
    expect(watched.relists).toEqual([]);
  });

  it('gives up a connection on which all is silent, and catches up on another', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    // The silence lasts a minute, and goes by fast when all has been seen that comes before its end.
    const clock = fastClock(1);
    await using watched = await through(proxy, { clock, timing: { silentMs: 60_000 } });
    await writer.create('before', 'doomed');
    await watched.agrees(writer);
    proxy.stall();
    await writer.create('meanwhile');
    await writer.delete('doomed');
    await proxy.forward();
    await sleep(500);
    expect(watched.followed().join()).toMatch(/doomed/);
    clock.runs(60);
    await eventually('the other connection tells', async () => !/doomed/.test(watched.followed().join()));
    clock.runs(1);
    await watched.agrees(writer);
    expect(watched.relists).toEqual([]);
  });

  it('is unhealthy during a long silence, and healthy again after it', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    await using watched = await through(proxy, { timing: { silentMs: 500 } });
    await eventually('it is healthy', async () => watched.informer.healthy);
    proxy.stall();
    await eventually('it is unhealthy', async () => !watched.informer.healthy);
    await proxy.forward();
    await eventually('it is healthy', async () => watched.informer.healthy);
    await writer.create('after');
    await watched.agrees(writer);
  });

  it('ends at once, and nothing is told after it', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    const watched = await through(proxy);
    await watched.agrees(writer);
    const before = watched.followed();
    // By itself the watch would end after five minutes.
    await watched.informer.stop();
    await writer.create('late');
    await sleep(200);
    expect(watched.followed()).toEqual(before);
    await watched[Symbol.asyncDispose]();
  });
});
