/** An operator in the test's own process that looks after one namespace, and a user's hands on that namespace. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodReport } from '../../../api/pod-report.ts';
import type { Status } from '../../../api/status.ts';
import type { PodAddress, ReportRead, ReportSource } from '../../../operator/evidence/reports.ts';
import type { KubeClient, RequestSeen } from '../../../operator/kube/client.ts';
import { connect } from '../../../operator/kube/connect.ts';
import type { Log } from '../../../operator/kube/log.ts';
import type { ObjectKey, Resource, StoredObject } from '../../../operator/kube/object.ts';
import { type OperatorOptions, startOperator } from '../../../operator/operator.ts';
import { CONFIG_MAPS, DEPLOYMENTS, MODEL_DEPLOYMENTS, OWNED, PODS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import { Api } from '../../faults/api.ts';
import { SimulatedReports } from '../../faults/reports.ts';
import { eventually, namespace, useCluster } from './cluster.ts';
import type { ModelDeploymentManifest } from './manifests.ts';
import { UnderWay } from './under-way.ts';
import { modelsClaim } from './volume.ts';

export const IMAGE = 'modelship-runtime:test';

export interface WorldOptions {
  render?: Partial<OperatorOptions['render']>;
  reports?: ReportSource;
  /** Namespace with these labels. */
  labels?: Record<string, string>;
  log?: Log;
  metrics?: OperatorOptions['metrics'];
  timing?: OperatorOptions['timing'];
  clock?: OperatorOptions['clock'];
}

/** Reports as the pods would give them, until a test says otherwise. */
export class ScriptedReports implements ReportSource {
  readonly #simulated: SimulatedReports;
  /** Pods that cannot be read. */
  mute = false;
  /** The pods whose reports were asked for, in order. */
  readonly asked: string[] = [];
  change: (report: PodReport, pod: PodAddress) => PodReport = (report) => report;

  constructor(api: Api) {
    this.#simulated = new SimulatedReports(api);
  }

  async read(pod: PodAddress): Promise<ReportRead> {
    this.asked.push(pod.name);
    if (this.mute) return { ok: false, reason: 'no route to the pod' };
    const read = await this.#simulated.read(pod);
    return read.ok ? { ok: true, report: this.change(read.report, pod) } : read;
  }
}

/** A namespace with the claim of the digits example, an operator in it, and a client of its own for the test. */
export class World implements AsyncDisposable {
  readonly namespace: string;
  /** The test's own; its requests are not counted. */
  readonly client: KubeClient;
  readonly reports: ScriptedReports;
  /** What the operator asked the API server. */
  readonly requests: RequestSeen[] = [];
  readonly #underWay = new UnderWay();
  /** How many of them at rest nobody would ask. */
  #asked = 0;
  /** Of the next operator, beside the image. */
  render: WorldOptions['render'];
  #stopOperator: () => Promise<void> = async () => {};
  readonly #options: WorldOptions;
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(place: string, client: KubeClient, api: Api, options: WorldOptions) {
    this.namespace = place;
    this.client = client;
    this.reports = new ScriptedReports(api);
    this.#options = options;
    this.render = options.render;
  }

  /** @param options `render` beside the image; `reports` in place of simulated ones */
  static async open(options: WorldOptions = {}): Promise<World> {
    const place = await namespace(options.labels);
    const access = useCluster();
    const connection = await connect({ kubeconfig: access.kubeconfigPath });
    const api = new Api(access);
    const world = new World(place, connection.client, api, options);
    world.#closing.push(async () => api.close(), connection.close);
    await modelsClaim(place);
    await world.start();
    return world;
  }

  /** Starts an operator; `stop()` first where one runs. */
  async start(): Promise<void> {
    const { reports, log, metrics, timing, clock } = this.#options;
    const { kubeconfigPath } = useCluster();
    const observe = (seen: RequestSeen) => {
      // The kinds that are served are asked for now and then, at rest too, and watches end by themselves.
      if (seen.verb !== 'discover' && seen.verb !== 'watch') this.#asked++;
      this.requests.push(seen);
      metrics?.requestSeen(seen);
    };
    const connection = await connect({ kubeconfig: kubeconfigPath, observe, userAgent: 'modelship-operator/test' });
    const operator = await startOperator({
      client: this.#underWay.of(connection.client),
      namespace: this.namespace,
      render: { runtimeImage: IMAGE, ...this.render },
      reports: reports ?? this.reports,
      ...(log && { log }),
      ...(metrics && { metrics }),
      ...(timing && { timing }),
      ...(clock && { clock }),
    });
    this.#stopOperator = async () => {
      await operator.stop();
      await connection.close();
    };
    await eventually('the operator leads', async () => operator.leading);
  }

  async stop(): Promise<void> {
    await this.#stopOperator();
    this.#stopOperator = async () => {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const close of this.#closing) await close();
  }

  /** As `kubectl apply --server-side` does. */
  async apply(manifest: ModelDeploymentManifest): Promise<StoredObject> {
    const metadata = { ...manifest.metadata, namespace: this.namespace };
    return this.client.apply(MODEL_DEPLOYMENTS, { ...manifest, metadata } as never, { manager: 'user', force: true });
  }

  get(resource: Resource, name: string): Promise<StoredObject | undefined> {
    return this.client.get(resource, this.key(name));
  }

  key(name: string): ObjectKey {
    return { namespace: this.namespace, name };
  }

  async list(resource: Resource): Promise<StoredObject[]> {
    return (await this.client.list(resource, { namespace: this.namespace })).items;
  }

  async status(name = 'digits'): Promise<Status | undefined> {
    return (await this.get(MODEL_DEPLOYMENTS, name))?.status as Status | undefined;
  }

  /** Waits until the status of the newest spec says so; a failure shows the last one. */
  until(
    what: string,
    holds: (status: Status) => boolean,
    { name = 'digits', timeoutMs = 40_000 } = {},
  ): Promise<Status> {
    let last: Status | undefined;
    return eventually(
      what,
      async () => {
        const object = await this.get(MODEL_DEPLOYMENTS, name);
        last = object?.status as Status | undefined;
        const seen = last && last.observedGeneration === object?.metadata.generation;
        if (last && seen && holds(last)) return last;
        throw new Error(JSON.stringify(last, null, 1));
      },
      { timeoutMs },
    );
  }

  untilReady(name = 'digits'): Promise<Status> {
    return this.until(`${name} is ready`, (status) => conditionOf(status, 'Ready')?.status === 'True', { name });
  }

  /** All objects that bear the name of a model, as `KIND NAME`, sorted. */
  async objects(): Promise<string[]> {
    const optional = ['PodMonitor', 'HTTPRoute', 'GRPCRoute'];
    const served = OWNED.filter(({ kind }) => !optional.includes(kind));
    const lists = await Promise.all(served.map((r) => this.list(r)));
    const names = lists.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    return names.filter((name) => name !== 'ConfigMap kube-root-ca.crt').sort();
  }

  deployment(version: string, model = 'digits'): Promise<StoredObject | undefined> {
    return this.get(DEPLOYMENTS, versionName(model, version));
  }

  /** The traffic table's shares in percent. */
  async shares(model = 'digits'): Promise<Record<string, number>> {
    const { data } = (await this.get(CONFIG_MAPS, `${model}-traffic`)) as unknown as { data: Record<string, string> };
    const table = JSON.parse(data['traffic.json'] ?? '{}') as { versions: { name: string; share: number }[] };
    return Object.fromEntries(table.versions.filter((v) => v.share > 0).map((v) => [v.name, v.share / 100]));
  }

  pods(): Promise<StoredObject[]> {
    return this.list(PODS);
  }

  /** Writes of the operator so far, as `VERB RESOURCE`; Events and Leases aside. */
  get writes(): string[] {
    return this.requests
      .filter(({ verb }) => WRITES.includes(verb))
      .filter(({ resource }) => resource !== 'events' && resource !== 'leases')
      .map(({ verb, resource }) => `${verb} ${resource}`);
  }

  /**
   * Comes back when nothing was asked for a while and no answer is waited for: by default for longer than an operator
   * that has written waits before it looks again, and then with what is not urgent to tell. Who asks again and again never comes to rest.
   * @throws Error with what was asked last
   */
  async settled(quietMs = 2_400): Promise<void> {
    const deadline = performance.now() + REST_LIMIT_MS;
    for (let quiet = 0; quiet < quietMs; ) {
      const before = this.#asked;
      // In small steps: a process that stood still for the whole time has heard nothing, which is no rest.
      await sleep(STEP_MS);
      quiet = this.#asked === before && this.#underWay.count === 0 ? quiet + STEP_MS : 0;
      if (quiet === 0 && performance.now() > deadline) {
        const last = this.requests.slice(-5).map(({ verb, resource, status }) => `${verb} ${resource} ${status}`);
        throw new Error(`no rest of ${quietMs} ms in ${REST_LIMIT_MS / 1_000} s; asked last: ${last.join(', ')}`);
      }
    }
  }
}

const STEP_MS = 100;
const REST_LIMIT_MS = 40_000;
const WRITES = ['apply', 'apply-status', 'create', 'patch', 'delete'];

export function conditionOf(status: Status | undefined, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}
