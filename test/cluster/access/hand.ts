/** A user of one namespace, who looks at what becomes of what they ask for. */
import type { Status } from '../../../api/status.ts';
import type { KubeClient } from '../../../operator/kube/client.ts';
import type { Manifest, ObjectKey, Resource, StoredObject } from '../../../operator/kube/object.ts';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { MODEL_LABEL } from '../../../operator/render/labels.ts';
import { eventually } from '../harness/eventually.ts';
import type { ModelDeploymentManifest } from '../harness/manifests.ts';
import { conditionOf } from '../harness/operator.ts';

const SLOW = { timeoutMs: 60_000 };

export class Hand {
  /** May do everything. */
  readonly client: KubeClient;
  readonly namespace: string;

  constructor(client: KubeClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  key(name: string): ObjectKey {
    return { namespace: this.namespace, name };
  }

  async apply({ metadata, ...rest }: ModelDeploymentManifest): Promise<void> {
    const object = { ...rest, metadata: { ...metadata, namespace: this.namespace } };
    await this.client.apply(MODEL_DEPLOYMENTS, object as unknown as Manifest, { manager: 'user', force: true });
  }

  /** Applies it and waits until it is ready. */
  async serves(manifest: ModelDeploymentManifest): Promise<void> {
    await this.apply(manifest);
    const { name } = manifest.metadata;
    await this.until(`${name} is ready`, name, (status) => conditionOf(status, 'Ready')?.status === 'True');
  }

  /** Of the newest spec. */
  async until(what: string, name: string, holds: (status: Status) => boolean): Promise<void> {
    const look = async (): Promise<boolean> => {
      const object = await this.client.get(MODEL_DEPLOYMENTS, this.key(name));
      const status = object?.status as Status | undefined;
      if (status?.observedGeneration === object?.metadata.generation && status && holds(status)) return true;
      throw new Error(JSON.stringify(status));
    };
    await eventually(what, look, SLOW);
  }

  edit(resource: Resource, name: string, body: object): Promise<StoredObject> {
    return this.client.patch(resource, this.key(name), body, { manager: 'user' });
  }

  delete(resource: Resource, name: string): Promise<boolean> {
    return this.client.delete(resource, this.key(name));
  }

  /** Waits for it. */
  there(resource: Resource, name: string, holds: (object: StoredObject) => boolean = () => true) {
    const look = async (): Promise<StoredObject | undefined> => {
      const object = await this.client.get(resource, this.key(name));
      return object && holds(object) ? object : undefined;
    };
    return eventually(`${resource.kind} ${name} is there as it must be`, look, SLOW);
  }

  async gone(resource: Resource, name: string): Promise<void> {
    const look = async () => (await this.client.get(resource, this.key(name))) === undefined;
    await eventually(`${resource.kind} ${name} is gone`, look, SLOW);
  }

  async ofModel(resource: Resource, model: string): Promise<StoredObject[]> {
    const labelSelector = `${MODEL_LABEL}=${model}`;
    return (await this.client.list(resource, { namespace: this.namespace, labelSelector })).items;
  }
}
