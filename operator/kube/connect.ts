/** From a kubeconfig, or from inside a pod, to a client. */

import type { KubeClient, RequestSeen } from './client.ts';
import { systemClock } from './clock.ts';
import { Credentials } from './credentials.ts';
import { HttpKubeClient } from './http-client.ts';
import { ConnectError, type Login, readLogin } from './http-config.ts';

export { ConnectError } from './http-config.ts';

export interface ConnectOptions {
  /** A file. Default: KUBECONFIG, then `.kube/config` in the home folder, then the ServiceAccount of the pod. */
  kubeconfig?: string | undefined;
  /** Default: the current one. */
  context?: string | undefined;
  /** For a request with its answer, milliseconds; default 10 000. */
  timeoutMs?: number | undefined;
  /** Called with each request when it has ended; a watch too. */
  observe?: ((seen: RequestSeen) => void) | undefined;
  userAgent?: string | undefined;
}

export interface Connection {
  client: KubeClient;
  /** URL of the API server. */
  server: string;
  /** Of the context, or of the ServiceAccount; else `default`. */
  namespace: string;
  inCluster: boolean;
  /** Requests under way are finished, watches cut. */
  close(): Promise<void>;
}

/**
 * Reads the configuration and the credentials; a plugin for them is run. The API server itself is not asked yet.
 * @throws ConnectError when there is no configuration, or it cannot be used
 */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const { kubeconfig, context, timeoutMs, observe, userAgent } = options;
  const login = await readLogin({ kubeconfig, context });
  const { server, namespace, inCluster } = login;
  const reload = (): Promise<Login> => readLogin({ kubeconfig, context: inCluster ? undefined : login.context });
  const credentials = new Credentials(login, reload, systemClock);
  try {
    await credentials.current();
  } catch (error) {
    throw new ConnectError((error as Error).message, { cause: error });
  }
  const client = new HttpKubeClient({ server, credentials, timeoutMs, observe, userAgent });
  return { client, server, namespace, inCluster, close: () => client.close() };
}
