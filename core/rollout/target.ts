/** What a spec asks for in the end, so that a target that failed is known again. */
import { effectiveServing, statedShares } from '../../api/effective.ts';
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';

/**
 * Text over all that may decide whether a walk succeeds: the shares, the versions that take them with
 * their models, golden requests and effective serving, and the checks. Whoever edits one of these asks for another try.
 * The hands hash it (8 hexadecimal digits of its SHA-256) and hand the hash to the engine.
 */
export function targetText(spec: ModelDeploymentSpec): string {
  const shares = statedShares(spec);
  const versions = spec.versions
    .filter(({ name }) => (shares.get(name) ?? 0) > 0)
    .map((version) => ({
      name: version.name,
      share: shares.get(version.name),
      model: version.model,
      golden: version.golden,
      serving: effectiveServing(spec, version),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { analysis, signature } = spec.rollout ?? {};
  return JSON.stringify(sorted({ versions, analysis, signature }));
}

/** With keys in one order: the same spec from two writers is the same text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}
