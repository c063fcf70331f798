/**
 * What the dashboards are to show: a ModelDeployment in the middle of a rollout with real runtimes and users, one that is
 * not accepted, the operator that looks after both, and a Prometheus that scrapes all of it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Rollout } from '../../../api/rollout.ts';
import { OperatorMetrics } from '../../../operator/kube/metrics.ts';
import { serveHealth } from '../../../operator/kube/serve.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { podMonitor } from '../../../operator/render/pod-monitor.ts';
import { badVersion } from '../../fixtures/bad-versions.ts';
import { jobOf, type PodTarget, podTargets, serviceTargets } from '../../monitoring/harness.ts';
import { Prometheus } from '../../monitoring/prometheus.ts';
import { servingWith } from '../../runtime/harness.ts';
import { template } from '../chart/helm.ts';
import { eventually } from '../harness/cluster.ts';
import { digitsOf } from '../harness/models.ts';
import { World } from '../harness/operator.ts';
import { HELD, podsOf } from '../harness/pod-words.ts';
import { RealRuntimes } from '../harness/real-runtimes.ts';
import { inPhase } from '../harness/rollouts.ts';
import { Users } from '../harness/users.ts';

const example = (number: number) => join(import.meta.dirname, `../../../examples/digits/models/${number}/model.onnx`);
const SLOW = { timeoutMs: 100_000 };
/** In the namespace of the chart, which is none of the models'. */
const RELEASE = 'modelship';
const TROUBLE_MS = 100;
const TWO_SCRAPES_MS = 2_000;

const rollout: Rollout = {
  steps: [{ traffic: 20 }, { traffic: 50, approval: 'required' }],
  analysis: {
    interval: '1s',
    minSamples: 60,
    mirror: 50,
    checks: [
      { metric: 'error-rate', max: 0.5 },
      // v2 is another model: it answers otherwise now and then.
      { metric: 'disagreement', max: 0.9 },
    ],
  },
};

const version = (name: string, more: { traffic?: number; shadow?: number }) => ({
  name,
  model: { uri: `pvc://models/digits/${name}.onnx` },
  ...more,
});

export interface Scene extends AsyncDisposable {
  namespace: string;
  operator: { namespace: string; job: string };
  prometheus: Prometheus;
  /** Seconds since the first of it was scraped. */
  age(): number;
}

/** `v1` in two processes with a cache, `v2` in batches at its second step, which waits; `v3` a shadow that fails. */
export async function openScene(folder: string): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const metrics = new OperatorMetrics();
    const runtimes = new RealRuntimes();
    Object.assign(runtimes.models, { v1: example(1), v2: example(2), v3: await badVersion('failing', folder) });
    runtimes.serving.v1 = servingWith({
      execution: { cores: 2, processes: 2 },
      cache: { sizeBytes: 100_000, ttlMs: 10_000 },
    });
    runtimes.serving.v2 = servingWith({ batching: { maxBatchSize: 8, maxDelayMs: 2 } });
    const world = stack.use(await World.open({ reports: runtimes, metrics }));
    stack.use(runtimes);
    runtimes.start(world);
    const health = await serveHealth({
      ...{ host: '127.0.0.1', port: 0, registry: metrics.registry },
      ...{ live: () => undefined, ready: () => undefined },
    });
    stack.defer(() => health.close());
    const gpus = await exporter();
    stack.defer(gpus.close);

    const service = await operatorService();
    const models = podMonitor({ model: 'digits', namespace: world.namespace, owner: undefined }, {});
    const own = { address: new URL(health.url).host, pod: 'modelship-0', container: 'operator', labels: {} };
    const operatorJob = { ...jobOf(service.monitor), groups: serviceTargets(service.monitor, service.name, [own]) };
    const dcgm = { namespace: 'gpu', pod: 'dcgm-exporter-0', container: 'exporter', job: 'dcgm-exporter' };
    const gpuJob = { job_name: 'dcgm', groups: [{ targets: [gpus.address], labels: dcgm }] };
    const prometheus = stack.use(await Prometheus.start([operatorJob, jobOf(models), gpuJob]));
    const began = performance.now();
    stack.use(follow(prometheus, models, world, runtimes, gpus));
    await walk(world, runtimes, prometheus, stack);
    const { namespace } = service.monitor.metadata;
    const closing = stack.move();
    return {
      namespace: world.namespace,
      operator: { namespace: namespace ?? '', job: service.name },
      prometheus,
      age: () => (performance.now() - began) / 1_000,
      [Symbol.asyncDispose]: () => closing.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function walk(
  world: World,
  runtimes: RealRuntimes,
  prometheus: Prometheus,
  stack: AsyncDisposableStack,
): Promise<void> {
  const serving = { replicas: 1, pod: { nodeSelector: HELD } };
  const apply = (...versions: ReturnType<typeof version>[]) =>
    world.apply(digitsOf(versions as never, { serving, retireAfter: '1s', rollout }));
  const shadow = version('v3', { shadow: 50 });
  await apply(version('v1', { traffic: 100 }), shadow);
  await world.apply({
    ...digitsOf([{ name: 'v1', traffic: 100, model: { uri: 'file:///v1.onnx' } }]),
    metadata: { name: 'broken' },
  });
  await world.untilReady();
  await eventually('the door leads to v1', async () => runtimes.door);
  const users = stack.use(new Users(() => runtimes.door));
  stack.use(trouble(() => runtimes.door));
  await eventually('users are answered', async () => (users.answered.v1 ?? 0) > 20);
  await apply(version('v1', { traffic: 0 }), version('v2', { traffic: 100 }), shadow);
  await world.until('it waits for approval', inPhase('Paused', 'ApprovalRequired'), SLOW);
  await eventually('users are answered by v2', async () => (users.answered.v2 ?? 0) > 200, SLOW);
  await restarted(world, runtimes, prometheus, 'v3');
}

/** Its container ends and comes up anew, once. */
async function restarted(world: World, runtimes: RealRuntimes, prometheus: Prometheus, name: string): Promise<void> {
  const [pod] = await podsOf(world, 'digits', name);
  const address = () => runtimes.admin.get(pod?.metadata.name ?? '');
  const before = address();
  await sleep(TWO_SCRAPES_MS);
  runtimes.endsAfter[name] = 0;
  await eventually('its process has ended', async () => address() !== before);
  const missing = `modelship_version_replicas{namespace="${world.namespace}",version="${name}",state="ready"} == 0`;
  await eventually('it is seen to be missing', async () => (await prometheus.query(missing)).length > 0);
  await sleep(TWO_SCRAPES_MS);
  runtimes.endsAfter[name] = Number.POSITIVE_INFINITY;
  await eventually('its process is back', async () => address());
}

/** A request that is wrong, and one that asks for v3 by name and so is not shielded from its failure; and so on. */
function trouble(door: () => string | undefined): AsyncDisposable {
  let over = false;
  const headers = { 'content-type': 'application/json' };
  const data = Array.from({ length: 64 }, (_, i) => i % 16);
  const scan = JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }] });
  const send = async (path: string, body: string): Promise<void> => {
    const url = door();
    if (url === undefined) return;
    const answer = await request(`${url}/v2/models/digits/${path}`, { method: 'POST', headers, body });
    await answer.body.dump();
  };
  const loop = (async () => {
    while (!over) {
      await send('infer', '{"inputs": []}');
      await send('versions/v3/infer', scan);
      await sleep(TROUBLE_MS);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      await loop;
    },
  };
}

/** Tells Prometheus of the pods, as its discovery would. */
function follow(
  prometheus: Prometheus,
  monitor: KubeObject,
  world: World,
  runtimes: RealRuntimes,
  gpus: { pod: string; namespace: string },
): AsyncDisposable {
  let over = false;
  const { job_name } = jobOf(monitor);
  const loop = (async () => {
    while (!over) {
      const pods = await world.pods();
      const targets = pods.flatMap(({ metadata: { name, labels = {} } }): PodTarget[] => {
        const address = runtimes.admin.get(name);
        return address === undefined ? [] : [{ address, pod: name, container: 'runtime', labels }];
      });
      Object.assign(gpus, { pod: targets[0]?.pod ?? '', namespace: world.namespace });
      await prometheus.targets(job_name, podTargets(monitor, targets));
      await sleep(500);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      await loop;
    },
  };
}

/** The ServiceMonitor of the chart, and the Service that it selects. */
async function operatorService(): Promise<{ monitor: KubeObject; name: string }> {
  const objects = await template(RELEASE, 'metrics.serviceMonitor.enabled=true');
  const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor');
  const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name.endsWith('-metrics'));
  if (!monitor || !service) throw new Error('the chart has no ServiceMonitor or no Service');
  return { monitor, name: service.metadata.name };
}

/** As NVIDIA's dcgm-exporter writes it for a pod that has a GPU; there is none here. Its labels are not honoured. */
async function exporter() {
  const gpu = { pod: '', namespace: '', address: '', close: async () => {} };
  const metrics = { GPU_UTIL: 37, FB_USED: 4_096, POWER_USAGE: 312.5, GPU_TEMP: 61 };
  const server = createServer((_, response) => {
    const of = `gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA H200",Hostname="n",container="runtime"`;
    const labels = `{${of},namespace="${gpu.namespace}",pod="${gpu.pod}"}`;
    const lines = Object.entries(metrics).map(([name, value]) => `DCGM_FI_DEV_${name}${labels} ${value}\n`);
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(lines.join(''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gpu.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  gpu.close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return gpu;
}
