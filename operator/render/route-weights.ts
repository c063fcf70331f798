/** How a gateway splits over the versions' Services. Pure. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import type { PlannedVersion } from './input.ts';

/**
 * The table's shares as weights, in basis points, in the order of the table; only what is above 0. A gateway has no
 * shield: what it sends to a Service without endpoints fails. So the share of a version that cannot answer goes to the
 * primary, as the pods' shield has it; where that cannot answer either, to the others that take traffic, in proportion.
 *
 *     v1:90 v2:10, v2 without endpoints → v1 10,000;  v1:60 v2:30 v3:10, v1 without → v2 7,500, v3 2,500
 *
 * Where nobody can answer, the shares stay as they are: whoever comes back first answers, also while no operator runs.
 * @param speaks whether a version has the port that the route leads to
 */
export function routeWeights(
  table: TrafficTable,
  versions: readonly PlannedVersion[],
  speaks: (version: PlannedVersion) => boolean,
): ReadonlyMap<string, number> {
  const planned = new Map(versions.map((version) => [version.name, version]));
  const taking = table.versions.filter(({ name, share }) => {
    const version = planned.get(name);
    return share > 0 && version?.reachable && speaks(version);
  });
  const able = taking.filter(({ name }) => answers(planned.get(name)));
  const heirs = able.length > 0 ? able : taking;
  const total = heirs.reduce((sum, { share }) => sum + share, 0);
  const lost = ALL - total;
  if (heirs.length === 0 || lost === 0) return new Map(heirs.map(({ name, share }) => [name, share]));
  if (heirs.some(({ name }) => name === table.primary)) {
    return new Map(heirs.map(({ name, share }) => [name, name === table.primary ? share + lost : share]));
  }
  return scaled(heirs, total);
}

/** In proportion, to a sum of 10,000; what rounding leaves goes to the largest. */
function scaled(heirs: readonly { name: string; share: number }[], total: number): ReadonlyMap<string, number> {
  const weights = new Map(heirs.map(({ name, share }) => [name, Math.floor((share * ALL) / total)]));
  const left = ALL - [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const largest = heirs.reduce((most, heir) => (heir.share > most.share ? heir : most));
  weights.set(largest.name, (weights.get(largest.name) ?? 0) + left);
  return weights;
}

/** Whether something stands behind the version's Service, as far as it is known. */
export function answers(version: PlannedVersion | undefined): boolean {
  return version?.endpoints === undefined || version.endpoints === 'ready';
}

/** Whether a version whose pods are ready is left out only because its Service does not have them yet. */
export function isSettling(table: TrafficTable, versions: readonly PlannedVersion[]): boolean {
  const coming = versions.filter(({ endpoints }) => endpoints === 'coming').map(({ name }) => name);
  return table.versions.some(({ name, share }) => share > 0 && coming.includes(name));
}
