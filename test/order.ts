/** In which order vitest begins files where it has no times of an earlier run, as in a clean clone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that wait for ten seconds or more: begun last, they would keep everybody waiting. The longest first. */
export const LONGEST: readonly string[] = [
  'test/gitops/pipeline.test.ts',
  'test/laptop/rollout-walks.test.ts',
  'test/runtime/tracing/process.test.ts',
  'test/runtime/fleet/replica.test.ts',
  'test/monitoring/alerts.test.ts',
  'test/laptop/rollout-bad.test.ts',
  'test/runtime/process.test.ts',
  'test/laptop/faults.test.ts',
  'test/laptop/rollout-broken.test.ts',
  'test/cluster/operator/rollout-edits.test.ts',
  'test/cluster/access/access.test.ts',
  'test/cluster/faults/moments.test.ts',
  'test/cluster/faults/histories.test.ts',
  'test/cluster/operator/rollout-runtimes.test.ts',
  'test/cluster/operator/rollout.test.ts',
  'test/cluster/kube/informer-restart.test.ts',
  'test/cluster/operator/rollout-kills.test.ts',
  'test/cluster/chart/upgrade.test.ts',
  'test/cluster/operator/rollout-commands.test.ts',
  'test/cluster/operator/rollout-status.test.ts',
  'test/cluster/operator/gateway.test.ts',
  'test/cluster/faults/kills.test.ts',
  'test/cluster/monitoring/dashboards.test.ts',
  'test/cluster/operator/moves.test.ts',
  'test/cluster/operator/operators.test.ts',
  'test/cluster/chart/conform.test.ts',
  'test/cluster/operator/ownership.test.ts',
  'test/cluster/operator/options.test.ts',
  'test/cluster/operator/scale.test.ts',
  'test/cluster/kube/lease.test.ts',
  'test/cluster/operator/gpu.test.ts',
  'test/cluster/operator/drift.test.ts',
  'test/cluster/operator/digest.test.ts',
  'test/cluster/operator/failures.test.ts',
  'test/cluster/operator/history.test.ts',
  'test/cluster/operator/rollout-scale.test.ts',
  'test/cluster/kube/informer.test.ts',
];

export class LongestFirst extends BaseSequencer {
  /** Within each group of projects; the others follow as vitest has them. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`));
      return at < 0 ? LONGEST.length : at;
    };
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return (await super.sort(files)).sort((a, b) => group(a) - group(b) || rank(a) - rank(b));
  }
}
