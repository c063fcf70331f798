/** How long to wait before a version's process is started again. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * 0.5 s doubling to 30 s, half a jitter either way; none for the first crash of a process that was ready.
 * @param failures ends in a row, this one included
 * @param wasReady whether the process that ended had been ready
 * @param random 0 ≤ x < 1
 */
export function restartDelay(failures: number, wasReady: boolean, random: number): number {
  if (wasReady && failures === 1) return 0;
  const base = FIRST_MS * 2 ** Math.min(failures - 1, 10);
  return Math.round(Math.min(LONGEST_MS, base * (0.75 + random / 2)));
}
