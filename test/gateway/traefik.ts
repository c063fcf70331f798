/** Traefik as a process beside the control plane, with two entry points, and the Gateway that it plays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { inject } from 'vitest';
import { eventually } from '../cluster/harness/eventually.ts';
import { mustApply } from '../cluster/harness/objects.ts';
import type { Access } from '../control-plane/access.ts';

export interface Traefik extends AsyncDisposable {
  /** Port of the listener `http` and of the listener `grpc`, both on 127.0.0.1. */
  http: number;
  grpc: number;
  /** The last of what it wrote. */
  log(): string;
}

const CLASS = 'traefik';

/** @param namespace gets the Gateway `public`, which admits routes of that namespace only */
export async function startTraefik(access: Access, kubeconfigPath: string, namespace: string): Promise<Traefik> {
  const [http, grpc] = [await freePort(), await freePort()];
  const options = { manager: 'test', namespace };
  const api = 'gateway.networking.k8s.io/v1';
  await mustApply(access, gatewayClass(api), options);
  await mustApply(access, gatewayOf(api, namespace, { http, grpc }), options);
  const child = spawn(
    inject('traefik'),
    [
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
      '--log.level=INFO',
      '--providers.kubernetesgateway=true',
      '--providers.kubernetesgateway.statusaddress.ip=127.0.0.1',
      `--entrypoints.http.address=127.0.0.1:${http}`,
      `--entrypoints.grpc.address=127.0.0.1:${grpc}`,
    ],
    { env: { ...process.env, KUBECONFIG: kubeconfigPath }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));
  }
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  await eventually('Traefik listens', async () => {
    if (child.exitCode !== null) throw new Error(`it ended:\n${output}`);
    return (await fetch(`http://127.0.0.1:${http}/`)).status === 404;
  });
  return {
    http,
    grpc,
    log: () => output,
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function gatewayClass(apiVersion: string) {
  const spec = { controllerName: 'traefik.io/gateway-controller' };
  return { apiVersion, kind: 'GatewayClass', metadata: { name: CLASS }, spec };
}

/** A listener a kind of route: of one listener and host name, a gateway takes only one of the two. */
function gatewayOf(apiVersion: string, namespace: string, ports: { http: number; grpc: number }) {
  const listener = (name: 'http' | 'grpc') => ({
    name,
    port: ports[name],
    protocol: 'HTTP',
    hostname: '*.example.com',
    allowedRoutes: { namespaces: { from: 'Same' } },
  });
  const spec = { gatewayClassName: CLASS, listeners: [listener('http'), listener('grpc')] };
  return { apiVersion, kind: 'Gateway', metadata: { name: 'public', namespace }, spec };
}

/** Another process may take it before Traefik does: then Traefik ends, and the test says so. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
