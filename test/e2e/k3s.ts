/**
 * K3s in a container, where a Docker daemon runs and can pull.
 * NOT RUN YET: it was written where no image could be pulled.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../control-plane/build.ts';
import { runs } from '../control-plane/tools.ts';
import type { Log } from '../go/build.ts';

/** Flags that the nodes of our own have too; metrics-server and cluster DNS are K3s' own. */
const FLAGS = [
  '--disable=traefik,servicelb',
  '--kube-controller-manager-arg=horizontal-pod-autoscaler-sync-period=5s',
  '--kube-controller-manager-arg=horizontal-pod-autoscaler-cpu-initialization-period=10s',
  '--kube-controller-manager-arg=horizontal-pod-autoscaler-initial-readiness-delay=5s',
];

const imageName = async (): Promise<string> => `rancher/k3s:${await versionOf('kube-apiserver')}-k3s1`;

/** Whether a daemon of this machine answers, and has the image or pulls it. */
export async function canRunK3s(log: Log): Promise<boolean> {
  if (!(await runs('docker', 'version'))) return false;
  const image = await imageName();
  if (await runs('docker', 'image', 'inspect', image)) return true;
  log(`pulling ${image}`);
  return runs('docker', 'pull', '--quiet', image);
}

export interface K3s extends AsyncDisposable {
  kubeconfig: string;
}

/** @param images an archive of `docker save` @param folder gets the kubeconfig */
export async function startK3s(images: string, folder: string): Promise<K3s> {
  const { K3sContainer } = await import('@testcontainers/k3s');
  const started = await new K3sContainer(await imageName()).withCommand(['server', ...FLAGS]).start();
  try {
    await started.copyFilesToContainer([{ source: images, target: '/tmp/images.tar' }]);
    const { exitCode, output } = await started.exec(['ctr', '-n', 'k8s.io', 'images', 'import', '/tmp/images.tar']);
    if (exitCode !== 0) throw new Error(`K3s does not take the images: ${output}`);
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, started.getKubeConfig(), { mode: 0o600 });
    return { kubeconfig, [Symbol.asyncDispose]: async () => void (await started.stop()) };
  } catch (error) {
    await started.stop();
    throw error;
  }
}
