/** When a process that died is started again. Pure. */

/** More deaths than this within a minute are no accident: then the replica ends, and says so. */
export const MOST_DEATHS = 5;
const WITHIN_MS = 60_000;
const FIRST_WAIT_MS = 250;

/**
 * 0, 250, 500, 1,000 and 2,000 ms after the first, second and so on of a minute's deaths.
 * @param deaths when processes of this replica died, ms, the newest last @returns ms to wait; undefined: give up
 */
export function restartAfter(deaths: readonly number[]): number | undefined {
  const newest = deaths.at(-1) ?? 0;
  const recent = deaths.filter((at) => newest - at < WITHIN_MS).length;
  if (recent > MOST_DEATHS) return undefined;
  return recent <= 1 ? 0 : FIRST_WAIT_MS * 2 ** (recent - 2);
}
