/** Whether a start is hopeless: then an error and an exit code say more than a loop of restarts. */
import { statedShares } from '../api/effective.ts';
import type { Supervisor } from './supervisor.ts';

/** When every version that the file gives traffic failed its first load: why, a line for each. Else nothing. */
export function firstFailures({ served, document, versions }: Supervisor): string[] {
  if (served) return [];
  const shares = [...statedShares(document.spec)].filter(([, share]) => share > 0);
  const keepers = shares.map(([name]) => versions.get(name));
  if (!keepers.every((keeper) => keeper?.failedToStart)) return [];
  return keepers.map((keeper) => `${document.metadata.name}, version ${keeper?.name}: ${keeper?.lastEnd?.cause}`);
}
