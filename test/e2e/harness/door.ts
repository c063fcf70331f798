/** How a request from outside of the cluster comes in: its base URL. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inject } from 'vitest';
import { eventually } from '../../cluster/harness/eventually.ts';
import { freePorts } from '../../control-plane/servers.ts';
import type { Told } from '../setup.ts';
import type { Kubectl } from './kubectl.ts';

export interface Door extends AsyncDisposable {
  url: string;
}

/** @param namespace of the Service @param cluster that of the tests, by default */
export async function openDoor(
  run: Kubectl,
  namespace: string,
  service: string,
  port: number,
  { door, kubeconfig }: Pick<Told, 'door' | 'kubeconfig'> = inject('e2e'),
): Promise<Door> {
  if (door === 'port-forward') return forward(kubeconfig, namespace, service, port);
  const { spec } = await run.get<{ spec: { clusterIP: string } }>('service', service);
  return { url: `http://${spec.clusterIP}:${port}`, [Symbol.asyncDispose]: async () => undefined };
}

/** One pod of the Service answers, and another one only after that has gone: weaker than a route. */
async function forward(kubeconfig: string, namespace: string, service: string, port: number): Promise<Door> {
  const [local] = (await freePorts(1)) as [number];
  const args = ['--namespace', namespace, 'port-forward', `service/${service}`, `${local}:${port}`];
  let over = false;
  const start = () => spawn('kubectl', args, { env: { ...process.env, KUBECONFIG: kubeconfig }, stdio: 'ignore' });
  let child = start();
  const keep = (): void => {
    child.once('exit', () => {
      if (over) return;
      child = start();
      keep();
    });
  };
  keep();
  const url = `http://127.0.0.1:${local}`;
  await eventually('the port is forwarded', async () => (await fetch(`${url}/v2/health/live`)).ok);
  return {
    url,
    async [Symbol.asyncDispose]() {
      over = true;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
