/** Starts the control plane with Gateway API in it, and builds Traefik where it is not there yet. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { parse } from 'yaml';
import { crdReady } from '../cluster/harness/crd.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { gatewayCrds, traefikBinary } from './build.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/modelship.dev_modeldeployments.yaml');

/** The tests say what stands behind Services: processes on this machine, not the addresses of simulated pods. */
const CONTROLLERS = ['-endpointslice-controller', '-endpointslice-mirroring-controller', '-endpoints-controller'];

const log = (line: string): void => void process.stderr.write(`gateway: ${line}\n`);

declare module 'vitest' {
  interface ProvidedContext {
    traefik: string;
  }
}

/** @returns what vitest calls at the end */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const traefik = await traefikBinary(log);
  const crds = [parse(await readFile(CRD_FILE, 'utf8')), ...(await gatewayCrds())];
  const { url, token, kubeconfigPath, caPath, stop } = await startControlPlane({
    nodes: 2,
    flags: { 'kube-controller-manager': [`--controllers=*,${CONTROLLERS.join(',')}`] },
    prepare: async (admin) => {
      for (const crd of crds) await crdReady(admin, crd);
    },
    log,
  });
  project.provide('cluster', { url, token, kubeconfigPath, caPath });
  project.provide('traefik', traefik);
  return stop;
}
