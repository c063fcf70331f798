/** What the tests of this folder share: the control plane, and a place for kubeconfigs. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../faults/history.ts';
import { useCluster } from '../harness/cluster.ts';

/** Namespaces of this world begin with a name of its own. */
export async function openWorld(name: string): Promise<World & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'modelship-faults-'));
  return {
    access: useCluster(),
    folder,
    prefix: `${name}-${randomBytes(3).toString('hex')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
