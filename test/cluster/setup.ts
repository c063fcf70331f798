/** Has the one control plane that all tests of this folder share started before the first of them, and ended after the last. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { parse } from 'yaml';
import { prepareControlPlane, startControlPlane } from '../control-plane/start.ts';
import { crdReady } from './harness/crd.ts';
import { NODES } from './harness/nodes.ts';
import { startWhenWanted } from './harness/shared.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/modelship.dev_modeldeployments.yaml');

const log = (line: string): void => void process.stderr.write(`control plane: ${line}\n`);

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder by which the shared control plane is asked for. */
    shared: string;
  }
}

/** @returns what vitest calls at the end */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // What is slow at first is done at once, and so is saying what is missing.
  await prepareControlPlane(log);
  const crd = parse(await readFile(CRD_FILE, 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'modelship-shared-'));
  project.provide('shared', folder);
  return startWhenWanted(folder, () =>
    startControlPlane({
      nodes: NODES,
      flags: {
        // Who is served first when there is too much to do is nothing that is looked at here, and costs a twentieth.
        'kube-apiserver': ['--enable-priority-and-fairness=false'],
        // A size below an autoscaler's least is raised in a second, not in 15.
        'kube-controller-manager': ['--horizontal-pod-autoscaler-sync-period=1s'],
      },
      prepare: (admin) => crdReady(admin, crd),
      log,
    }),
  );
}
