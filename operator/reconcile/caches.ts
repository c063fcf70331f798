/** What the operator knows of the cluster without asking: one informer a kind, and which ModelDeployment each event is about. */
import type { KubeClient } from '../kube/client.ts';
import type { Clock, Random } from '../kube/clock.ts';
import { Informer, type InformerTiming } from '../kube/informer.ts';
import type { Log } from '../kube/log.ts';
import type { OperatorMetrics } from '../kube/metrics.ts';
import { keyText, type ObjectKey, type Resource, type StoredObject } from '../kube/object.ts';
import { MODEL_LABEL } from '../render/labels.ts';
import { GATEWAY_API } from '../render/route.ts';
import { type StoredSlice, slimSlice } from './endpoint-slice.ts';
import { type StoredNode, slimNode } from './node.ts';
import { type Pod, slimPod } from './pod.ts';
import { ENDPOINT_SLICES, MODEL_DEPLOYMENTS, NODES, OPTIONAL, OWNED, PODS, REVISIONS } from './resources.ts';
import { modelKeyOf, type StoredModelDeployment } from './stored.ts';

export interface CachesOptions {
  client: KubeClient;
  /** All namespaces when left out. */
  namespace?: string | undefined;
  clock: Clock;
  random: Random;
  log: Log;
  metrics?: OperatorMetrics | undefined;
  timing?: Partial<InformerTiming> | undefined;
  /** A ModelDeployment, or something of it, is not as it was. @param soon whether more of the same is likely to follow */
  onChange(key: string, soon: boolean): void;
}

export class Caches {
  readonly models: Informer<StoredModelDeployment>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<StoredNode>;
  readonly revisions: Informer;
  readonly #options: CachesOptions;
  readonly #owned = new Map<string, Informer>();
  #slices: Informer<StoredSlice> | undefined;

  constructor(options: CachesOptions) {
    this.#options = options;
    this.models = this.#informer<StoredModelDeployment>(MODEL_DEPLOYMENTS, {
      onChange: ({ object }) => options.onChange(keyText(object.metadata), false),
    });
    this.pods = this.#ofModels<Pod>(PODS, slimPod);
    this.revisions = this.#ofModels(REVISIONS);
    // Looked at for words only: a change of a node is no reason to work.
    this.nodes = this.#informer<StoredNode>(NODES, { transform: slimNode });
    for (const resource of OWNED) {
      if (!OPTIONAL.includes(resource)) this.#owned.set(resource.kind, this.#ofModels(resource));
    }
  }

  /** Begins to follow an optional kind. @returns false when it is followed already */
  follow(resource: Resource): boolean {
    if (this.#owned.has(resource.kind)) return false;
    const informer = this.#ofModels(resource);
    this.#owned.set(resource.kind, informer);
    informer.start();
    if (resource.apiVersion === GATEWAY_API) this.#followSlices();
    return true;
  }

  /** A gateway sends to whatever is in a Service, and fails where nothing is. */
  #followSlices(): void {
    if (this.#slices) return;
    this.#slices = this.#ofModels<StoredSlice>(ENDPOINT_SLICES, slimSlice);
    this.#slices.start();
  }

  /** EndpointSlices of a model's Services. Undefined where they are not known. */
  slicesOf(key: string): readonly StoredSlice[] | undefined {
    return this.#slices?.synced ? this.#slices.indexed(key) : undefined;
  }

  start(): void {
    for (const informer of this.all) informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((informer) => informer.stop()));
  }

  /** Nodes aside: an operator of one namespace may not be allowed to see them, and only words depend on them. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.needed.map((informer) => informer.whenSynced()));
  }

  /** Those without which no pass can be made. */
  get needed(): readonly Informer<StoredObject>[] {
    const spared = [this.nodes as unknown as Informer, ...this.optional];
    return this.all.filter((informer) => !spared.includes(informer));
  }

  /** Those of kinds that not every cluster serves. */
  get optional(): readonly Informer[] {
    const slices = this.#slices as unknown as Informer | undefined;
    return [...OPTIONAL.flatMap(({ kind }) => this.#owned.get(kind) ?? []), ...(slices ? [slices] : [])];
  }

  get all(): readonly Informer<StoredObject>[] {
    const fixed = [this.models, this.pods, this.nodes, this.revisions] as unknown as Informer<StoredObject>[];
    const slices = this.#slices ? [this.#slices as unknown as Informer<StoredObject>] : [];
    return [...fixed, ...this.#owned.values(), ...slices];
  }

  /** Undefined for a kind that this cluster does not serve. */
  of(kind: string): Informer | undefined {
    return this.#owned.get(kind);
  }

  /** All that says it belongs to the ModelDeployment of this key, of the kinds that are applied. */
  ownedBy(key: string): StoredObject[] {
    return [...this.#owned.values()].flatMap((informer) => informer.indexed(key));
  }

  find(kind: string, key: ObjectKey): StoredObject | undefined {
    return this.#owned.get(kind)?.get(key);
  }

  #ofModels<T extends StoredObject = StoredObject>(resource: Resource, transform?: (object: StoredObject) => T) {
    return this.#informer<T>(resource, {
      transform,
      labelSelector: MODEL_LABEL,
      index: modelKeyOf,
      onChange: ({ object }) => {
        const key = modelKeyOf(object);
        if (key !== undefined) this.#options.onChange(key, true);
      },
    });
  }

  #informer<T extends StoredObject>(
    resource: Resource,
    more: Partial<ConstructorParameters<typeof Informer<T>>[0]>,
  ): Informer<T> {
    const { client, namespace, clock, random, log, metrics, timing } = this.#options;
    const { plural, namespaced } = resource;
    const informer = new Informer<T>({
      client,
      resource,
      namespace: namespaced ? namespace : undefined,
      clock,
      random,
      log,
      timing,
      onRelist: (reason) => metrics?.relisted(plural, reason),
      ...more,
    });
    metrics?.watchCache(plural, () => informer.size);
    return informer;
  }
}
