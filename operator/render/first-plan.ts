/** The plan for a ModelDeployment that nothing is known of yet: every version at its stated size, the split as stated. */
import { effectiveServing, replicasOf, shadowPoints, statedShares } from '../../api/effective.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import type { TableVersion } from '../../api/traffic-table.ts';
import { moveShares } from '../../core/split.ts';
import type { PlannedVersion, RenderPlan } from './input.ts';

/** Where a rollout or a running cluster says otherwise, the operator's own plan counts; this is what it ends in. */
export function firstPlan({ metadata, spec }: ModelDeployment): RenderPlan {
  const shares = statedShares(spec);
  const share = (name: string): number => shares.get(name) ?? 0;
  const primary = spec.versions.reduce((most, version) => (share(version.name) > share(most.name) ? version : most));
  const shadows = new Map(spec.versions.map((version) => [version.name, shadowPoints(version)]));
  const rows = moveShares(undefined, shares).map(
    (row): TableVersion => ({ ...row, shadow: shadows.get(row.name) ?? 0 }),
  );
  return {
    door: primary.name,
    table: {
      model: metadata.name,
      revision: 1,
      primary: primary.name,
      ...(spec.cohort ? { cohort: spec.cohort } : {}),
      versions: rows,
    },
    versions: spec.versions.map((version): PlannedVersion => {
      const serving = effectiveServing(spec, version);
      const { name, model, golden } = version;
      return { name, model, golden, serving, replicas: replicasOf(serving), reachable: true };
    }),
  };
}
