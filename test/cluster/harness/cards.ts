import { dirname, join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { hold } from '../../control-plane/lock.ts';
import { useCluster } from './cluster.ts';

/**
 * The nodes with GPUs are few, and some tests fill them. Who counts on a free card has all to itself until the file is over;
 * called before the file's own hooks, for they may have to give cards back.
 */
export function useCards(): void {
  let giveBack: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    giveBack = await hold(join(dirname(useCluster().kubeconfigPath), 'cards'), () => undefined);
  });
  afterAll(() => giveBack?.());
}
