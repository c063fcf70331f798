/** Reads all that stands behind one ModelDeployment. What may not be read is named, and the rest is still shown. */
import { effectiveServing, replicasOf } from '../../api/effective.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { KubeError } from '../../operator/kube/error.ts';
import type { Resource, StoredObject } from '../../operator/kube/object.ts';
import { type Pod, slimPod } from '../../operator/reconcile/pod.ts';
import {
  AUTOSCALERS,
  BUDGETS,
  CLAIM_TEMPLATES,
  CONFIG_MAPS,
  DEPLOYMENTS,
  NETWORK_POLICIES,
  POD_MONITORS,
  PODS,
  SERVICES,
} from '../../operator/reconcile/resources.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { tableName, versionName } from '../../operator/render/names.ts';
import { listAll } from './listing.ts';
import {
  type AutoscalerObject,
  type BudgetObject,
  byName,
  type ConfigMapObject,
  type DeploymentObject,
  type EndpointSliceObject,
  type ModelDeploymentObject,
  ownedBy,
  type ServiceObject,
  tidy,
} from './objects.ts';
import { ENDPOINT_SLICES, GRPC_ROUTES, HTTP_ROUTES, REPLICA_SETS } from './resources.ts';

/** A kind of object that could not be read, and why. */
export interface Unreadable {
  kind: string;
  reason: string;
}

export interface Family {
  md: ModelDeploymentObject;
  deployments: DeploymentObject[];
  /** Only those whose ReplicaSet belongs to one of the Deployments. */
  pods: Pod[];
  services: ServiceObject[];
  slices: EndpointSliceObject[];
  autoscalers: AutoscalerObject[];
  budgets: BudgetObject[];
  configMaps: ConfigMapObject[];
  /** NetworkPolicies, PodMonitors, routes, claim templates: what is only there or not. */
  others: StoredObject[];
  /** Objects of somebody else under names that the ModelDeployment needs. */
  foreign: StoredObject[];
  unreadable: Unreadable[];
}

const OPTIONAL = [NETWORK_POLICIES, CLAIM_TEMPLATES, POD_MONITORS, HTTP_ROUTES, GRPC_ROUTES];

/** @param unreadable gets the kinds that may not be read */
export async function gather(
  client: KubeClient,
  md: ModelDeploymentObject,
  unreadable: Unreadable[] = [],
): Promise<Family> {
  const { name, namespace, uid } = md.metadata;
  const labelled = async <T extends StoredObject>(
    resource: Resource,
    slim: (object: StoredObject) => T = (object) => tidy(object) as T,
  ): Promise<T[]> => {
    const selection = { namespace, labelSelector: `${MODEL_LABEL}=${name}` };
    const list = await readable(listAll(client, resource, selection, { pick: slim }), resource.kind, unreadable);
    return list.sort(byName);
  };
  const mine = async <T extends StoredObject>(resource: Resource): Promise<T[]> =>
    (await labelled<T>(resource)).filter((object) => ownedBy(object, uid));
  const [deployments, replicaSets, pods, services, slices, autoscalers, budgets, configMaps, ...rest] =
    await Promise.all([
      mine<DeploymentObject>(DEPLOYMENTS),
      labelled(REPLICA_SETS),
      labelled(PODS, slimPod),
      mine<ServiceObject>(SERVICES),
      labelled<EndpointSliceObject>(ENDPOINT_SLICES),
      mine<AutoscalerObject>(AUTOSCALERS),
      mine<BudgetObject>(BUDGETS),
      mine<ConfigMapObject>(CONFIG_MAPS),
      ...OPTIONAL.map((resource) => mine(resource)),
    ]);
  // Who may not read the links between pods and Deployments must make do with the labels.
  const linked = !unreadable.some(({ kind }) => kind === REPLICA_SETS.kind || kind === DEPLOYMENTS.kind);
  const found = [...deployments, ...services, ...autoscalers, ...budgets, ...configMaps];
  return {
    md,
    deployments,
    pods: linked ? pods.filter((pod) => belongs(pod, deployments, replicaSets)) : pods,
    services,
    slices: slices.filter((slice) => services.some((service) => ownedBy(slice, service.metadata.uid))),
    autoscalers,
    budgets,
    configMaps,
    others: rest.flat(),
    foreign: await foreignOf(client, md, found, unreadable),
    unreadable,
  };
}

function belongs(pod: Pod, deployments: readonly StoredObject[], replicaSets: readonly StoredObject[]): boolean {
  return replicaSets.some(
    (set) => ownedBy(pod, set.metadata.uid) && deployments.some((deployment) => ownedBy(set, deployment.metadata.uid)),
  );
}

/** Nothing instead of what may not be read, which is noted, or is not served at all. */
export async function readable<T>(reading: Promise<T[]>, kind: string, unreadable: Unreadable[]): Promise<T[]> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof KubeError) || !['NotFound', 'Forbidden'].includes(error.code)) throw error;
    if (error.code === 'Forbidden') unreadable.push({ kind, reason: error.message });
    return [];
  }
}

/** Names that the ModelDeployment needs, as far as its spec tells. */
export function neededNames({ metadata, spec }: ModelDeploymentObject): { resource: Resource; name: string }[] {
  const model = metadata.name;
  return [
    { resource: SERVICES, name: model },
    { resource: CONFIG_MAPS, name: tableName(model) },
    ...spec.versions.flatMap((version) => {
      const serving = effectiveServing(spec, version);
      const name = versionName(model, version.name);
      const needed = [DEPLOYMENTS, SERVICES];
      if (serving.autoscaling) needed.push(AUTOSCALERS);
      if (replicasOf(serving) > 1) needed.push(BUDGETS);
      return needed.map((resource) => ({ resource, name }));
    }),
  ];
}

async function foreignOf(
  client: KubeClient,
  md: ModelDeploymentObject,
  found: readonly StoredObject[],
  unreadable: readonly Unreadable[],
): Promise<StoredObject[]> {
  const missing = neededNames(md).filter(
    ({ resource: { kind }, name }) =>
      !unreadable.some((each) => each.kind === kind) &&
      !found.some((object) => object.kind === kind && object.metadata.name === name),
  );
  const { namespace, uid } = md.metadata;
  const taken = await Promise.all(
    missing.map(async ({ resource, name }) => {
      const object = await client.get(resource, { namespace, name });
      return object && !ownedBy(object, uid) ? { ...tidy(object), kind: resource.kind } : undefined;
    }),
  );
  return taken.filter((object) => object !== undefined);
}
