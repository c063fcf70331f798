/** A ModelDeployment of digits in a namespace of its own, and what its users do with it. */
import { inject } from 'vitest';
import type { ModelDeploymentSpec, Version } from '../../../api/model-deployment.ts';
import type { RolloutStatus, Status } from '../../../api/status.ts';
import { eventually } from '../../cluster/harness/eventually.ts';
import { must } from '../../control-plane/tools.ts';
import { type Door, openDoor } from './door.ts';
import { type Kubectl, kubectl } from './kubectl.ts';
import { type ModelName, modelSource } from './store.ts';
import { why } from './why.ts';

export type Shares = Readonly<Record<string, number>>;
export type Spec = Partial<ModelDeploymentSpec>;

/** Small, and quick to leave. */
const SERVING: NonNullable<ModelDeploymentSpec['serving']> = {
  replicas: 2,
  resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
};

const SETTLE_MS = 90_000;
const MODEL = 'modelship.dev/model=digits';

/** Version `vN` is model N of the example, unless `models` says otherwise. */
export async function manifest(shares: Shares, spec: Spec = {}, models: Readonly<Record<string, ModelName>> = {}) {
  const version = async ([name, traffic]: [string, number]): Promise<Version> => ({
    name,
    model: await modelSource(models[name] ?? (name.slice(1) as ModelName)),
    traffic,
  });
  const versions = await Promise.all(Object.entries(shares).map(version));
  return {
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: { retireAfter: '2s', ...spec, versions, serving: { ...SERVING, ...spec.serving } },
  };
}

export class Digits implements AsyncDisposable {
  readonly namespace: string;
  readonly kubectl: Kubectl;
  readonly #doors = new Map<string, Promise<Door>>();

  private constructor(namespace: string) {
    this.namespace = namespace;
    this.kubectl = kubectl(namespace);
  }

  /** In a new namespace that enforces the restricted profile. It is removed at the end. */
  static async open(name: string): Promise<Digits> {
    const namespace = `${name}-${Math.random().toString(36).slice(2, 7)}`;
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await kubectl().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
    return new Digits(namespace);
  }

  /** Open, applied and Ready. */
  static async served(name: string, shares: Shares = { v1: 100 }, spec: Spec = {}): Promise<Digits> {
    const digits = await Digits.open(name);
    try {
      await digits.apply(shares, spec);
      await digits.ready();
      return digits;
    } catch (error) {
      await digits[Symbol.asyncDispose]();
      throw error;
    }
  }

  async apply(shares: Shares, spec: Spec = {}, models: Readonly<Record<string, ModelName>> = {}): Promise<void> {
    await this.kubectl.apply(await manifest(shares, spec, models));
  }

  async status(): Promise<Status> {
    const { status } = await this.kubectl.get<{ status?: Status }>('modeldeployment', 'digits');
    return status ?? {};
  }

  /** @param what as a sentence: `v2 has all` */
  until(what: string, check: (status: Status) => boolean, timeoutMs = SETTLE_MS): Promise<Status> {
    let last: Status = {};
    return eventually(
      what,
      async () => {
        last = await this.status();
        return check(last) ? last : undefined;
      },
      { timeoutMs, everyMs: 250 },
    ).catch(async (error: unknown) => {
      const status = JSON.stringify(last, undefined, 1);
      throw new Error(`${String(error)}\nthe status is ${status}\n${await why(this.kubectl)}`);
    });
  }

  /** Waits as `kubectl wait` does. */
  async ready(): Promise<void> {
    await this.until('the operator has seen it', ({ conditions }) => conditions !== undefined);
    const wait = ['wait', 'modeldeployment/digits', '--for=condition=Ready', `--timeout=${SETTLE_MS / 1000}s`];
    await this.kubectl(...wait).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await why(this.kubectl)}`);
    });
  }

  /** Waits until all its pods run this image and are Ready, and none of another is left. */
  async runs(image: string, timeoutMs = 2 * SETTLE_MS): Promise<void> {
    const is = (pod: Pod): boolean => pod.spec.containers[0]?.image === image && isReady(pod);
    await this.#pods(`all pods run ${image}`, (pods) => pods.length > 0 && pods.every(is), timeoutMs);
  }

  /** Waits until it has this many pods, all of them Ready, and none is about to end. */
  async stands(count: number, timeoutMs = 2 * SETTLE_MS): Promise<void> {
    const is = (pod: Pod): boolean => pod.metadata.deletionTimestamp === undefined && isReady(pod);
    await this.#pods(
      `there are ${count} pods, all Ready`,
      (pods) => pods.length === count && pods.every(is),
      timeoutMs,
    );
  }

  /** Waits until the container of a pod has been started again, and the pod is Ready. */
  async restarted(name: string, timeoutMs = 2 * SETTLE_MS): Promise<void> {
    const is = (pod: Pod): boolean =>
      pod.metadata.name === name && isReady(pod) && (pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0;
    await this.#pods(`${name} has started again`, (pods) => pods.some(is), timeoutMs);
  }

  /** Waits until none of these pods is there. */
  async gone(gone: readonly Pod[], timeoutMs = 2 * SETTLE_MS): Promise<void> {
    const uids = new Set(gone.map(({ metadata }) => metadata.uid));
    await this.#pods('they are gone', (pods) => pods.every(({ metadata }) => !uids.has(metadata.uid)), timeoutMs);
  }

  /** @param check of all its pods, those about to end among them */
  async #pods(what: string, check: (pods: Pod[]) => boolean, timeoutMs: number): Promise<void> {
    const holds = async (): Promise<boolean> => {
      const { items } = await this.kubectl.get<{ items: Pod[] }>('pods', '--selector', MODEL);
      return check(items);
    };
    await eventually(what, holds, { timeoutMs, everyMs: 500 }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await why(this.kubectl)}`);
    });
  }

  /** Waits until its walk stands like this. @throws Error at once where the walk has ended otherwise */
  async walked(to: string, phase: RolloutStatus['phase'], timeoutMs = 2 * SETTLE_MS): Promise<RolloutStatus> {
    const stands = ({ rollout }: Status): boolean =>
      rollout?.to[to] !== undefined && (rollout.phase === phase || !['Progressing', 'Paused'].includes(rollout.phase));
    const { rollout } = await this.until(`the walk to ${to} is ${phase}`, stands, timeoutMs);
    if (rollout?.phase === phase) return rollout;
    throw new Error(`the walk to ${to} is ${JSON.stringify(rollout)}\n${await why(this.kubectl)}`);
  }

  /** Waits for an event of the ModelDeployment. @returns the messages of all that have this reason */
  async told(reason: string): Promise<string[]> {
    const selector = `involvedObject.kind=ModelDeployment,involvedObject.name=digits,reason=${reason}`;
    return eventually(`there is an event ${reason}`, async () => {
      const args = ['events', `--field-selector=${selector}`];
      const { items } = await this.kubectl.get<{ items: { message: string }[] }>(...args);
      return items.length > 0 && items.map(({ message }) => message);
    });
  }

  /** Waits until the pods follow this split, such as `v1:90 v2:10`. */
  async serves(split: string, timeoutMs = SETTLE_MS): Promise<Status> {
    return this.until(`the split is ${split}`, ({ traffic }) => traffic === split, timeoutMs);
  }

  /** Base URL for who is outside of the cluster. @param service of the model; its public one by default */
  async url(port: 8080 | 8081 = 8080, service = 'digits'): Promise<string> {
    const key = `${service}:${port}`;
    const door = this.#doors.get(key) ?? openDoor(this.kubectl, this.namespace, service, port);
    this.#doors.set(key, door);
    return (await door).url;
  }

  /** Names of the running pods of a version, of all when undefined. */
  async pods(version?: string): Promise<Pod[]> {
    const selector = `${MODEL}${version ? `,modelship.dev/version=${version}` : ''}`;
    const { items } = await this.kubectl.get<{ items: Pod[] }>('pods', '--selector', selector);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const door of this.#doors.values()) await (await door)[Symbol.asyncDispose]();
    await this.kubectl('delete', 'modeldeployment', '--all', '--ignore-not-found', '--timeout=60s');
    await kubectl()('delete', 'namespace', this.namespace, '--wait=false');
  }
}

export interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string; labels: Record<string, string> };
  spec: { nodeName?: string; containers: { image: string }[] };
  status: {
    podIP?: string;
    phase?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: { restartCount: number; ready: boolean }[];
  };
}

const isReady = ({ status }: Pod): boolean =>
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

/** Runs the `modelship` command of this checkout as a user of the cluster. */
export function modelship(...args: string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: inject('e2e').kubeconfig };
  return must(process.execPath, ['cli/modelship.mjs', ...args], { env });
}
