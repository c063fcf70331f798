/** Whether a start is hopeless: then an error and an exit code say more than a loop of restarts. */
import { statedShares } from '../api/effective.ts';
import type { Supervisor } from './supervisor.ts';

/** When every version that is wanted with traffic, now or in the end, failed its first load: why, a line for each. Else nothing. */
export function firstFailures({ served, document, versions, goal }: Supervisor): string[] {
  if (served || !goal) return [];
  const stated = statedShares(document.spec);
  const wanted = goal.versions.filter(
    ({ name, share, dropped }) => share > 0 || (!dropped && (stated.get(name) ?? 0) > 0),
  );
  const keepers = wanted.map(({ name }) => versions.get(name));
  if (!keepers.every((keeper) => keeper?.failedToStart)) return [];
  return keepers.map((keeper) => `${document.metadata.name}, version ${keeper?.name}: ${keeper?.lastEnd?.cause}`);
}
