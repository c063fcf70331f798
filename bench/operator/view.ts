/** All that belongs to ModelDeployments, followed by watches past the operator: counts without asking. */
import type { ReportRead } from '../../operator/evidence/reports.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { type Api, pathOf } from '../../test/faults/api.ts';
import { reportFor } from '../../test/faults/reports.ts';
import { isSettled } from '../../test/faults/scenario.ts';

const OWNED = ['deployments', 'services', 'configmaps', 'pods'] as const;

export class View {
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  #settled = new Set<string>();

  static async open(api: Api): Promise<View> {
    const view = new View();
    const lost = (why: string): never => {
      throw new Error(`the benchmark lost sight: ${why}`);
    };
    const selector = `?labelSelector=${MODEL_LABEL}`;
    await view.#follow(api, 'modeldeployments', pathOf('modeldeployments'), lost);
    for (const plural of OWNED) await view.#follow(api, plural, pathOf(plural) + selector, lost);
    return view;
  }

  async #follow(api: Api, plural: string, path: string, lost: (why: string) => void): Promise<void> {
    const objects = new Map<string, StoredObject>();
    this.#objects.set(plural, objects);
    await api.follow(
      path,
      ({ type, object }) => {
        const key = `${object.metadata.namespace}/${object.metadata.name}`;
        if (type === 'DELETED') objects.delete(key);
        else objects.set(key, object);
        if (plural !== 'modeldeployments') return;
        if (type !== 'DELETED' && isSettled(object)) this.#settled.add(key);
        else this.#settled.delete(key);
      },
      lost,
    );
  }

  count(plural: 'modeldeployments' | (typeof OWNED)[number]): number {
    return this.#objects.get(plural)?.size ?? 0;
  }

  /** How many ModelDeployments are Ready, by a status that speaks of the spec as it is. */
  get settled(): number {
    return this.#settled.size;
  }

  get left(): number {
    return [...this.#objects.values()].reduce((sum, objects) => sum + objects.size, 0);
  }

  /** What a pod would say: it follows the table as it stands. */
  async read({ namespace, name }: { namespace: string; name: string }): Promise<ReportRead> {
    const pod = this.#objects.get('pods')?.get(`${namespace}/${name}`);
    if (!pod) return { ok: false, reason: `there is no pod ${namespace}/${name}` };
    return reportFor(pod, (key) => this.#objects.get('configmaps')?.get(key));
  }
}
