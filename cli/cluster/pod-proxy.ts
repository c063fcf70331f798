/** Reads a pod's admin port through the API server: whoever may `get pods/proxy` needs no way into the pod network. */
import { systemClock } from '../../operator/kube/clock.ts';
import { Credentials } from '../../operator/kube/credentials.ts';
import { readLogin } from '../../operator/kube/http-config.ts';
import { HttpSender } from '../../operator/kube/http-sender.ts';
import { ADMIN } from '../../operator/render/ports.ts';
import type { ClusterFlags } from './options.ts';

export interface PodProxy {
  /** @param path such as `/modelship/report` @throws KubeError */
  read(namespace: string, pod: string, path: string): Promise<unknown>;
  close(): Promise<void>;
}

/** The flags must have been found to work: a bad kubeconfig is said by `onCluster`. @param port of the pods */
export async function openPodProxy(
  { kubeconfig, context }: Pick<ClusterFlags, 'kubeconfig' | 'context'>,
  port: number = ADMIN.port,
): Promise<PodProxy> {
  const login = () => readLogin({ kubeconfig, context });
  const first = await login();
  const credentials = new Credentials(first, login, systemClock);
  const sender = new HttpSender({ server: first.server, credentials, userAgent: 'modelship-cli' });
  return {
    read: (namespace, pod, path) =>
      sender.json({
        verb: 'get',
        resource: 'pods/proxy',
        what: `read ${path} of Pod ${namespace}/${pod}`,
        method: 'GET',
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}:${port}/proxy${path}`,
      }),
    close: () => sender.close(),
  };
}
