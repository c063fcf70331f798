/**
 * What the operator costs: `npm run bench:operator -- [--sizes 100,500,1000] [--versions 1,2] [--rest 60] [--output json]`.
 * For each size a control plane of its own, with simulated nodes; the operator is a process beside it, its requests are
 * counted from the API server's audit log. All share the cores of this machine, the API server takes the most of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, parseArgs } from 'node:util';
import { API_VERSION, KIND } from '../api/model-deployment.ts';
import { freePorts } from '../test/control-plane/servers.ts';
import { Api, pathOf } from '../test/faults/api.ts';
import { startOwnControlPlane } from '../test/faults/control-plane.ts';
import { makeNamespace } from '../test/faults/namespace.ts';
import { IMAGE, OperatorProcess } from '../test/faults/operators.ts';
import { inParallel } from '../test/faults/pool.ts';
import { serveReports } from '../test/faults/reports.ts';
import { AuditLog, type Requests } from './operator/audit.ts';
import { type Figures, table } from './operator/figures.ts';
import { cpuSeconds, isReady, metric, peakMiB } from './operator/usage.ts';
import { View } from './operator/view.ts';

const PER_NAMESPACE = 100;
const PODS_PER_NODE = 100;
const CREATORS = 16;
const LIMIT_MS = 900_000;
const log = (line: string): void => void process.stderr.write(`${line}\n`);

interface Case {
  models: number;
  versions: number;
  restSeconds: number;
}

interface Bench extends Case {
  api: Api;
  view: View;
  audit: AuditLog;
  /** Starts the operator. */
  start(): Promise<{ operator: OperatorProcess; health: string }>;
}

const namespaceOf = (index: number): string => `models-${Math.floor(index / PER_NAMESPACE)}`;

function manifest(index: number, versions: number): object {
  const shares = versions === 1 ? [100] : [90, 10, ...Array(versions - 2).fill(0)];
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: `model-${index}` },
    spec: {
      versions: shares.map((traffic, v) => ({
        name: `v${v + 1}`,
        model: { uri: `https://models.example.com/model-${index}/${v + 1}/model.onnx` },
        traffic,
      })),
      serving: { resources: { requests: { cpu: '10m', memory: '16Mi' } } },
    },
  };
}

/** Seconds until it holds. @throws Error after 15 minutes */
async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  since = performance.now(),
): Promise<number> {
  while (!(await holds())) {
    if (performance.now() - since > LIMIT_MS) throw new Error(`not in ${LIMIT_MS / 1_000} s: ${what}`);
    await sleep(50);
  }
  return (performance.now() - since) / 1_000;
}

async function run(one: Case): Promise<Figures> {
  const nodes = Math.ceil((one.models * one.versions) / PODS_PER_NODE) + 1;
  const { server, access } = await startOwnControlPlane({ nodes, audit: true }, log);
  await using _server = server;
  const folder = await mkdtemp(join(tmpdir(), 'modelship-bench-'));
  const api = new Api(access);
  let running: OperatorProcess | undefined;
  try {
    for (let i = 0; i < one.models; i += PER_NAMESPACE) await makeNamespace(api, namespaceOf(i));
    const view = await View.open(api);
    await using reports = await serveReports(view);
    const start = async () => {
      const [port] = await freePorts(1);
      const health = `127.0.0.1:${port}`;
      const operator = new OperatorProcess([
        ...['--kubeconfig', server.kubeconfigPath, '--runtime-image', IMAGE, '--lease-namespace', 'default'],
        ...['--metrics', health, '--report-url', reports.template],
      ]);
      running = operator;
      return { operator, health: `http://${health}` };
    };
    if (!server.auditLogPath) throw new Error('the control plane has no audit log');
    const audit = new AuditLog(server.auditLogPath, 'modelship-operator/');
    return await measure({ ...one, api, view, audit, start });
  } finally {
    if (running && !running.ended) await running.kill();
    api.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(bench: Bench): Promise<Figures> {
  const first = await bench.start();
  await until('the operator leads', async () => (await metric(first.health, 'modelship_operator_leading')) === 1);
  const created = await creation(bench, first.operator.pid);
  log(`${bench.models} × ${bench.versions}: all Ready after ${created.readySeconds.toFixed(1)} s`);
  const rest = await atRest(bench, first.operator.pid);
  const peak = peakMiB(first.operator.pid);
  const exitCode = await first.operator.terminate();
  await bench.audit.since();
  const restart = await caughtUp(bench);
  const deleteSeconds = await deletion(bench);
  return {
    models: bench.models,
    versions: bench.versions,
    ...created,
    ...rest,
    peakMiB: peak,
    gracefulExit: exitCode === 0,
    ...restart,
    deleteSeconds,
  };
}

async function creation({ api, view, audit, models, versions }: Bench, pid: number) {
  await audit.since();
  const cpuBefore = cpuSeconds(pid);
  const started = performance.now();
  const indexes = Array.from({ length: models }, (_, index) => index);
  const creating = inParallel(indexes, CREATORS, (index) =>
    api.must('POST', pathOf('modeldeployments', namespaceOf(index)), manifest(index, versions)),
  );
  const total = versions * models;
  const objectsSeconds = await until(
    'all objects exist',
    () =>
      view.count('deployments') === total &&
      view.count('services') === total + models &&
      view.count('configmaps') === models,
    started,
  );
  await creating;
  const readySeconds = await until('all are Ready', () => view.settled === models, started);
  // What is less urgent in a status, and Events, come some seconds later; they count.
  await sleep(10_000);
  const requests = await audit.since();
  return {
    objectsSeconds,
    readySeconds,
    cpuMs: ((cpuSeconds(pid) - cpuBefore) * 1_000) / models,
    ...perModel(requests, models),
  };
}

function perModel(requests: Requests, models: number) {
  const each = (count: number): number => count / models;
  return {
    reads: each(requests.reads),
    writes: each(requests.writes),
    liveGets: each(requests.sum((verb, resource) => verb === 'get' && resource !== 'leases')),
    statusWrites: each(requests.sum((verb, resource) => verb === 'patch' && resource === 'modeldeployments/status')),
    statusSpread: requests.spread('patch modeldeployments/status'),
    requests: Object.fromEntries(requests.counts.map(([kind, count]) => [kind, each(count)])),
  };
}

async function atRest({ audit, restSeconds }: Bench, pid: number) {
  await audit.since();
  const before = cpuSeconds(pid);
  await sleep(restSeconds * 1_000);
  const requests = await audit.since();
  return {
    restSeconds,
    restWritten: Object.fromEntries(requests.written),
    restReads: requests.reads,
    restCpuPercent: ((cpuSeconds(pid) - before) / restSeconds) * 100,
  };
}

/** A process that starts beside what is there already: its caches, then one look at each ModelDeployment. */
async function caughtUp({ start, audit, models }: Bench) {
  const started = performance.now();
  const { operator, health } = await start();
  await until('the operator is ready', () => isReady(health), started);
  const restartSeconds = await until(
    'it has looked at every ModelDeployment',
    async () => {
      if ((await metric(health, 'modelship_operator_reconciles_total')) < models) return false;
      return (await metric(health, 'modelship_operator_queue_depth')) === 0;
    },
    started,
  );
  const restartCpuSeconds = cpuSeconds(operator.pid);
  await sleep(10_000);
  const requests = await audit.since();
  return {
    restartSeconds,
    restartCpuSeconds,
    restartWrites: requests.writes,
    restartGets: requests.sum((verb) => verb === 'get'),
  };
}

async function deletion({ api, view, models }: Bench): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < models; i += PER_NAMESPACE) {
    await api.must('DELETE', pathOf('modeldeployments', namespaceOf(i)));
  }
  return until('nothing is left', () => view.left === 0, started);
}

function flags(): { cases: Case[]; json: boolean } {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '100,500,1000' },
      versions: { type: 'string', default: '1,2' },
      rest: { type: 'string', default: '60' },
      output: { type: 'string', default: 'table' },
    },
  });
  const numbers = (text: string): number[] => text.split(',').map(Number);
  const [sizes, versions, restSeconds] = [numbers(values.sizes), numbers(values.versions), Number(values.rest)];
  if (![...sizes, ...versions, restSeconds].every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError('--sizes, --versions and --rest take whole numbers above 0');
  }
  if (!['table', 'json'].includes(values.output)) throw new RangeError('--output is table or json');
  const cases = versions.flatMap((count) => sizes.map((models) => ({ models, versions: count, restSeconds })));
  return { cases, json: values.output === 'json' };
}

async function main(): Promise<void> {
  const { cases, json } = flags();
  const results: Figures[] = [];
  for (const one of cases) results.push(await run(one));
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model, node: process.version };
  process.stdout.write(json ? `${JSON.stringify({ machine, results }, null, 2)}\n` : `${table(results)}\n`);
}

await main().catch((error: NodeJS.ErrnoException) => {
  const usage = error instanceof RangeError || error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${usage ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
});
