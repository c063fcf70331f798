/** A rollout in a cluster: seen in the status, told by one annotation. The spec is never written. */
import { ROLLOUT_ANNOTATION } from '../../api/rollout-command.ts';
import { MODEL_DEPLOYMENTS } from '../../operator/reconcile/resources.ts';
import { findModelDeployment } from '../cluster/listing.ts';
import type { ModelDeploymentObject } from '../cluster/objects.ts';
import type { Cluster } from '../cluster/options.ts';
import { conditionOf, isCurrent } from '../cluster/words.ts';
import { quoted } from '../context.ts';
import type { Hand } from './hand.ts';
import type { PlaceFlags } from './place.ts';
import type { RolloutView } from './view.ts';

/** Field manager of the annotation. A tool that applies the manifest does not own it and leaves it alone. */
export const COMMAND_MANAGER = 'modelship-cli';

export class ClusterHand implements Hand {
  readonly where: string;
  readonly honours = 'the operator';
  readonly everyMs = 1_000;
  readonly #cluster: Pick<Cluster, 'client' | 'namespace'>;
  readonly #name: string;

  constructor(cluster: Pick<Cluster, 'client' | 'namespace'>, name: string, flags: Partial<PlaceFlags> = {}) {
    this.#cluster = cluster;
    this.#name = name;
    this.where = placeText(flags);
  }

  async read(): Promise<RolloutView> {
    const { client, namespace } = this.#cluster;
    return viewOfObject(await findModelDeployment(client, namespace, this.#name));
  }

  async send(text: string): Promise<void> {
    const { client, namespace } = this.#cluster;
    const body = { metadata: { annotations: { [ROLLOUT_ANNOTATION]: text } } };
    await client.patch(MODEL_DEPLOYMENTS, { namespace, name: this.#name }, body, { manager: COMMAND_MANAGER });
  }
}

export function placeText({ namespace, kubeconfig, context }: Partial<PlaceFlags>): string {
  const flags = { namespace, kubeconfig, context };
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([flag, value]) => ` --${flag} ${quoted(value as string)}`)
    .join('');
}

export function viewOfObject(md: ModelDeploymentObject): RolloutView {
  const { metadata, spec, status } = md;
  const ready = conditionOf(status, 'Ready');
  const stale = 'the operator has not looked at the newest spec yet';
  const words = ready?.status === 'False' && ready.message ? [ready.message] : [];
  return {
    name: metadata.name,
    rollout: status?.rollout,
    spec: spec.rollout,
    versions: (status?.versions ?? []).map((version) => ({
      name: version.name,
      phase: version.phase,
      wanted: version.traffic,
      seen: version.trafficInForce,
      ready: version.readyReplicas,
      replicas: version.replicas,
      failure: version.failure && `${version.failure.code}: ${version.failure.message}`,
    })),
    waiting: [...(isCurrent(md) ? words : [stale]), ...(status?.blockedBy ? [status.blockedBy] : [])],
    stale: !isCurrent(md),
  };
}
