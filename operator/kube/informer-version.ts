/** The order of resourceVersions of one resource. */

const INTEGER = /^(0|[1-9]\d*)$/;

/**
 * Below, at or above zero as `a` is older than, equal to or newer than `b`. Undefined when that cannot be known: one of
 * them is not an unsigned integer. Source: KEP-5504.
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!INTEGER.test(a) || !INTEGER.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

/** Whether `incoming` takes the place of `held`: it is newer, or nobody can say. */
export function supersedes(incoming: string, held: string): boolean {
  const order = compareVersions(incoming, held);
  return order === undefined || order > 0;
}

/** Whether `a` is known to be newer than `b`. */
export function surelyNewer(a: string, b: string): boolean {
  return (compareVersions(a, b) ?? 0) > 0;
}
