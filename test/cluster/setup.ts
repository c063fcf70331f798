/** Starts the one control plane that all tests of this folder share, and ends it after the last of them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { parse } from 'yaml';
import { startControlPlane } from '../control-plane/start.ts';
import { crdReady } from './harness/crd.ts';
import { NODES } from './harness/nodes.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/modelship.dev_modeldeployments.yaml');

const log = (line: string): void => void process.stderr.write(`control plane: ${line}\n`);

/** @returns what vitest calls at the end */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const crd = parse(await readFile(CRD_FILE, 'utf8'));
  const { url, token, kubeconfigPath, caPath, stop } = await startControlPlane({
    nodes: NODES,
    // A size below an autoscaler's least is raised in a second, not in 15.
    flags: { 'kube-controller-manager': ['--horizontal-pod-autoscaler-sync-period=1s'] },
    prepare: (admin) => crdReady(admin, crd),
    log,
  });
  project.provide('cluster', { url, token, kubeconfigPath, caPath });
  return stop;
}
