/** What a file asks for and a local run does not do: said, so that nobody believes that it happens. */
import { effectiveServing, replicasOf } from '../api/effective.ts';
import type { ModelDeploymentSpec, Version } from '../api/model-deployment.ts';

/** A sentence for each; empty when all of the file counts. @param hasPrometheus whether the run can ask one */
export function ignoredFields(spec: ModelDeploymentSpec, hasPrometheus: boolean): string[] {
  const serving = (of: Version) => effectiveServing(spec, of);
  const named = (holds: (version: Version) => boolean) => spec.versions.filter(holds).map(({ name }) => name);
  const found: [string[] | boolean, (names: string) => string][] = [
    [
      !hasPrometheus && (spec.rollout?.analysis?.checks ?? []).some(({ prometheus }) => prometheus !== undefined),
      () =>
        'rollout.analysis: its prometheus checks have no numbers, and no rollout passes them: start again with --prometheus URL',
    ],
    [spec.routing?.gateway !== undefined, () => 'routing.gateway: there is no gateway on a laptop'],
    [
      named((v) => replicasOf(serving(v)) > 1 || serving(v).autoscaling !== undefined),
      (names) => `replicas and autoscaling of ${names}: each version is one process`,
    ],
  ];
  return found
    .filter(([hit]) => hit === true || (Array.isArray(hit) && hit.length > 0))
    .map(([hit, say]) => say(Array.isArray(hit) ? hit.join(', ') : ''));
}
