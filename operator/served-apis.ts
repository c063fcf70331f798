/** Which optional APIs a cluster serves; they may come while the operator runs, with somebody's `helm install`. */
import type { KubeClient } from './kube/client.ts';
import type { Resource } from './kube/object.ts';
import { OPTIONAL } from './reconcile/resources.ts';

export interface Served {
  /** `group/version` and `group/version/kind` of each. */
  apis: ReadonlySet<string>;
  resources: readonly Resource[];
}

/** @throws KubeError when the API server cannot be asked */
export async function servedApis(client: KubeClient): Promise<Served> {
  const answers = await Promise.all(
    OPTIONAL.map(async (resource) => ((await client.kinds(resource.apiVersion)).has(resource.kind) ? [resource] : [])),
  );
  const resources = answers.flat();
  const apis = resources.flatMap(({ apiVersion, kind }) => [apiVersion, `${apiVersion}/${kind}`]);
  return { apis: new Set(apis), resources };
}
