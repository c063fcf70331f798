/** What the informer's cluster tests share: config maps, an informer that watches them, and what must be equal. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../operator/kube/clock.ts';
import { connect } from '../../../operator/kube/connect.ts';
import { Informer, type InformerOptions } from '../../../operator/kube/informer.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { Resource, StoredObject } from '../../../operator/kube/object.ts';
import { type Access, call, mustCall, writeKubeconfig } from '../../control-plane/access.ts';
import type { ApiServer } from '../../control-plane/start.ts';
import { eventually } from '../harness/eventually.ts';

export const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

/** Writes config maps past the proxy, as another client does. */
export class Writer {
  readonly #access: Access;
  readonly #path: string;

  constructor(access: Access, namespace: string) {
    this.#access = access;
    this.#path = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  async create(...names: string[]): Promise<void> {
    for (const name of names) await mustCall(this.#access, 'POST', this.#path, { metadata: { name } });
  }

  async delete(...names: string[]): Promise<void> {
    for (const name of names) await mustCall(this.#access, 'DELETE', `${this.#path}/${name}`);
  }

  /** Resolves once it is written; takes the place of what was there. */
  async change(name: string, data: Record<string, string>): Promise<void> {
    await mustCall(this.#access, 'PUT', `${this.#path}/${name}`, { metadata: { name }, data });
  }

  /** `NAME@RESOURCEVERSION`, sorted. */
  async live(): Promise<string[]> {
    const list = (await mustCall(this.#access, 'GET', this.#path)) as { items: StoredObject[] };
    return list.items.map(text).sort();
  }
}

export interface Watched extends AsyncDisposable {
  informer: Informer;
  relists: string[];
  /** What a follower of the changes alone believes: `NAME@RESOURCEVERSION`, sorted. */
  followed(): string[];
  /** Waits until the cache and a follower of its changes are what the API server has. */
  agrees(writer: Writer): Promise<void>;
}

function text({ metadata }: StoredObject): string {
  return `${metadata.name}@${metadata.resourceVersion}`;
}

/** @param url what the informer believes to be the API server */
export async function watch(
  access: Access,
  { url, folder, ...options }: { url: string; folder: string } & Partial<InformerOptions<StoredObject>>,
): Promise<Watched> {
  const kubeconfig = join(folder, `kubeconfig-${new URL(url).port}-${process.pid}`);
  await writeKubeconfig(kubeconfig, { ...access, url });
  // close() waits for what is under way, such as a list that was given up in a silence.
  const { client, close } = await connect({ kubeconfig, timeoutMs: 2_000 });
  const believed = new Map<string, string>();
  const relists: string[] = [];
  const informer = new Informer({
    client,
    resource: CONFIG_MAPS,
    clock: options.clock ?? systemClock,
    random: Math.random,
    log: silentLog,
    onChange: ({ type, object, before }) => {
      const { uid } = object.metadata;
      expect(believed.has(uid)).toBe(type !== 'added');
      if (before) expect(believed.get(uid)).toBe(text(before));
      if (type === 'removed') believed.delete(uid);
      else believed.set(uid, text(object));
    },
    onRelist: (reason) => relists.push(reason),
    ...options,
    timing: { backoffMs: [20, 500], ...options.timing },
  });
  informer.start();
  await informer.whenSynced();
  const followed = (): string[] => [...believed.values()].sort();
  return {
    informer,
    relists,
    followed,
    agrees: async (writer) => {
      await eventually('the cache is what the API server has', async () => {
        const live = await writer.live();
        expect(informer.list().map(text).sort()).toEqual(live);
        expect(followed()).toEqual(live);
        return true;
      });
    },
    [Symbol.asyncDispose]: async () => {
      await informer.stop();
      await close();
    },
  };
}

export async function accessOf(server: ApiServer): Promise<Access> {
  return { url: server.url, token: server.token, ca: await readFile(server.caPath, 'utf8') };
}

export async function answers(access: Access): Promise<void> {
  await eventually('the API server is ready', async () => (await call(access, 'GET', '/readyz')).status === 200, {
    timeoutMs: 40_000,
  });
}
