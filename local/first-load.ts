/** Whether a start is hopeless: then an error and an exit code say more than a loop of restarts. */
import type { Supervisor } from './supervisor.ts';

/** When every version that is wanted with traffic failed its first load: why, a line for each. Else nothing. */
export function firstFailures({ served, document, versions, goal }: Supervisor): string[] {
  if (served || !goal) return [];
  const keepers = goal.versions.filter(({ share }) => share > 0).map(({ name }) => versions.get(name));
  if (!keepers.every((keeper) => keeper?.failedToStart)) return [];
  return keepers.map((keeper) => `${document.metadata.name}, version ${keeper?.name}: ${keeper?.lastEnd?.cause}`);
}
