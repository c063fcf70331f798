/** What may not change from one manifest to the next: the transition rules of the CRD, for files on a laptop. */
import { type Model, modelRules } from './model.ts';
import type { ModelDeployment } from './model-deployment.ts';

export interface RefusedChange {
  /** Where in the new manifest, such as `['spec', 'versions', 0, 'model', 'uri']`. */
  path: PropertyKey[];
  message: string;
}

/** The changes that the API server would refuse in an update from `previous` to `next`; empty when it may go ahead. */
export function refusedChanges(next: ModelDeployment, previous: ModelDeployment): RefusedChange[] {
  const old = new Map(previous.spec.versions.map((version) => [version.name, version.model]));
  return next.spec.versions.flatMap(({ name, model }, index) => {
    const before = old.get(name);
    return before ? brokenRules(model, before, ['spec', 'versions', index, 'model']) : [];
  });
}

function brokenRules(next: Model, before: Model, at: PropertyKey[]): RefusedChange[] {
  return modelRules
    .filter(({ holdsSince }) => holdsSince?.(next, before) === false)
    .map(({ message, path }) => ({ path: [...at, ...(path ?? [])], message }));
}
