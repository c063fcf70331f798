/**
 * Which cluster the tests run on: the one of the current kubeconfig when `MODELSHIP_E2E_CLUSTER=current`, else K3s where
 * Docker can pull it, else one with real nodes that is made on this machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../go/build.ts';
import { buildImages, IMAGES, imageNames, saveImages } from './images/build.ts';
import { useDocker } from './images/docker.ts';
import { canRunK3s, startK3s } from './k3s.ts';
import { startNodeCluster } from './node/cluster.ts';
import { installPackages } from './node/programs.ts';

/** How a request from outside comes in: by a route to the Services' addresses, or by `kubectl port-forward`. */
export type DoorKind = 'route' | 'port-forward';

export interface Cluster extends AsyncDisposable {
  kubeconfig: string;
  door: DoorKind;
  /** Repositories of the two images, without a tag. */
  operator: string;
  runtime: string;
}

const NODES = 2;

export async function useCluster(log: Log): Promise<Cluster> {
  return process.env.MODELSHIP_E2E_CLUSTER === 'current' ? current(log) : ours(log);
}

/**
 * @throws Error where nothing says how the cluster has the images: `MODELSHIP_E2E_REGISTRY` names where to push them;
 * `loaded` says that its nodes have them under the names of images/build.ts
 */
async function current(log: Log): Promise<Cluster> {
  const { KUBECONFIG: kubeconfig, MODELSHIP_E2E_REGISTRY: registry, MODELSHIP_E2E_DOOR: door } = process.env;
  if (!kubeconfig || !registry)
    throw new Error('MODELSHIP_E2E_CLUSTER=current takes KUBECONFIG and MODELSHIP_E2E_REGISTRY, a registry to push to');
  const names = registry === 'loaded' ? IMAGES : await push(registry, log);
  return {
    kubeconfig,
    door: door === 'route' ? 'route' : 'port-forward',
    operator: names.operator,
    runtime: names.runtime,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function push(registry: string, log: Log): Promise<Record<'operator' | 'runtime', string>> {
  await using docker = await useDocker(log);
  await buildImages(docker, log);
  const there = (name: string): string => `${registry}/${name.split('/').at(-1)}`;
  for (const name of imageNames()) {
    await docker.run(['tag', name, there(name)]);
    await docker.run(['push', '--quiet', there(name)]);
  }
  return { operator: there(IMAGES.operator), runtime: there(IMAGES.runtime) };
}

async function ours(log: Log): Promise<Cluster> {
  await installPackages(log);
  const folder = await mkdtemp(join(tmpdir(), 'modelship-e2e-'));
  const images = join(folder, 'images.tar');
  {
    await using docker = await useDocker(log);
    for (const [name, size] of await buildImages(docker, log)) log(`${name}: ${Math.round(size / 1e6)} MB`);
    await saveImages(docker, images);
  }
  const pulled = process.env.MODELSHIP_E2E_CLUSTER !== 'nodes' && (await canRunK3s(log));
  const cluster = pulled ? await startK3s(images, folder) : await startNodeCluster({ nodes: NODES, images, log });
  await rm(images);
  return {
    kubeconfig: cluster.kubeconfig,
    door: pulled ? 'port-forward' : 'route',
    operator: IMAGES.operator,
    runtime: IMAGES.runtime,
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
