/** The law that nothing is ever deleted that is wanted, watched past every proxy. */
import { effectiveServing, replicasOf } from '../../api/effective.ts';
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { MODEL_LABEL, VERSION_LABEL } from '../../operator/render/labels.ts';
import { type Api, type ApiEvent, pathOf } from './api.ts';

const WATCHED = [
  'deployments',
  'services',
  'configmaps',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'networkpolicies',
] as const;

export interface Deletion {
  /** Plural. */
  resource: string;
  name: string;
  version: string | undefined;
  /** When, in the API server's own count. */
  revision: bigint;
}

/** From the specs and the deletions of one ModelDeployment in a namespace of its own. */
export class DeletionWatch {
  readonly #specs: { revision: bigint; spec: ModelDeploymentSpec | undefined }[] = [];
  readonly #deletions: Deletion[] = [];
  readonly #lost: string[] = [];

  /** Returns when everything that is deleted from now on will be seen. */
  static async start(api: Api, namespace: string): Promise<DeletionWatch> {
    const watch = new DeletionWatch();
    const lost = (why: string): void => void watch.#lost.push(why);
    await api.follow(pathOf('modeldeployments', namespace), (event) => watch.spec(event), lost);
    for (const resource of WATCHED) {
      await api.follow(pathOf(resource, namespace), (event) => watch.object(resource, event), lost);
    }
    return watch;
  }

  spec({ type, object }: ApiEvent): void {
    const ended = type === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
    this.#specs.push({ revision: revisionOf(object), spec: ended ? undefined : (object.spec as ModelDeploymentSpec) });
  }

  object(resource: string, { type, object }: ApiEvent): void {
    const { labels, name } = object.metadata;
    if (type !== 'DELETED' || labels?.[MODEL_LABEL] === undefined) return;
    this.#deletions.push({ resource, name, version: labels[VERSION_LABEL], revision: revisionOf(object) });
  }

  /** All of them, wanted or not. */
  get deletions(): readonly Deletion[] {
    return this.#deletions;
  }

  /** What was deleted although it was wanted then, in words; and what could not be watched. */
  violations(): string[] {
    const wrong = this.#deletions.flatMap((deletion) => {
      const why = wantedBecause(deletion, this.#specAt(deletion.revision));
      return why === undefined ? [] : [`${deletion.resource} ${deletion.name} was deleted although ${why}`];
    });
    return [...wrong, ...this.#lost];
  }

  /** Revisions of one etcd count all its changes, so they tell what was before what. */
  #specAt(revision: bigint): ModelDeploymentSpec | undefined {
    const before = this.#specs.filter((one) => one.revision < revision);
    return before.toSorted((a, b) => (a.revision < b.revision ? -1 : 1)).at(-1)?.spec;
  }
}

function revisionOf({ metadata }: StoredObject): bigint {
  return BigInt(metadata.resourceVersion);
}

function wantedBecause({ resource, version }: Deletion, spec: ModelDeploymentSpec | undefined): string | undefined {
  if (!spec) return undefined;
  if (version === undefined) return 'its ModelDeployment was there';
  const listed = spec.versions.find(({ name }) => name === version);
  if (!listed) return undefined;
  const serving = effectiveServing(spec, listed);
  if (resource === 'horizontalpodautoscalers' && !serving.autoscaling) return undefined;
  if (resource === 'poddisruptionbudgets' && replicasOf(serving) < 2) return undefined;
  return `the spec listed ${version} then`;
}
