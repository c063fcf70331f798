/**
 * Time from `kubectl apply` of a changed split to the share that users see, on real pods: `npm run bench:apply --
 * [--changes 30] [--output json] [--write]`. Runs on a cluster of its own on this machine, or on the current one, as
 * `npm run test:e2e` does (test/e2e/cluster.ts). `--write` puts the result into docs/performance.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, parseArgs } from 'node:util';
import { ALL } from '../api/units.ts';
import { useCluster } from '../test/e2e/cluster.ts';
import { installChart } from '../test/e2e/harness/chart.ts';
import { manifest } from '../test/e2e/harness/digits.ts';
import { openDoor } from '../test/e2e/harness/door.ts';
import { type Kubectl, kubectlOf } from '../test/e2e/harness/kubectl.ts';
import { startStore } from '../test/e2e/harness/store.ts';
import type { Told } from '../test/e2e/setup.ts';
import { failed, Load } from '../test/laptop/load.ts';
import { block, type Change, type Figures, table } from './apply/figures.ts';
import { type Touch, Watch } from './apply/watch.ts';
import { withBlock } from './serving/page.ts';

const PAGE = join(import.meta.dirname, '../docs/performance.md');
const REPLICAS = 2;
const VERSIONS = ['v1', 'v2'] as const;
/** Enough connections that each pod has some. */
const CALLERS = 16;
const PAUSE_MS = 40;
const LIMIT_MS = 120_000;
/** Between two changes; how long is drawn, so that no change falls into step with what is periodic. */
const REST_MS = { least: 1_500, drawn: 3_000 };

const log = (line: string): void => void process.stderr.write(`${line}\n`);

interface Bench {
  run: Kubectl;
  watch: Watch;
  load: Load;
}

async function until<T>(what: string, find: () => T | undefined): Promise<T> {
  const started = performance.now();
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (performance.now() - started > LIMIT_MS) throw new Error(`not in ${LIMIT_MS / 1_000} s: ${what}`);
    await sleep(10);
  }
}

/** All to `to`: both versions keep their pods. */
async function specOf(to: string): Promise<object> {
  const shares = Object.fromEntries(VERSIONS.map((name) => [name, name === to ? 100 : 0]));
  const { spec, ...rest } = await manifest(shares, { retireAfter: '1h' });
  return { ...rest, spec: { ...spec, serving: { ...spec.serving, replicas: REPLICAS } } };
}

async function change({ run, watch, load }: Bench, to: string): Promise<Change> {
  const spec = await specOf(to);
  const before = watch.models.at(-1)?.generation ?? 0;
  const from = load.outcomes.length;
  const start = performance.now();
  await run.apply(spec);
  const applied = performance.now();
  const told = await until(`the status says ${to}:100`, () =>
    watch.models.find(({ generation, observed, traffic }) => {
      return generation > before && observed === generation && traffic === `${to}:100`;
    }),
  );
  // Late answers of the old version would come now.
  await sleep(REST_MS.least + Math.random() * REST_MS.drawn);
  const answers = load.outcomes.slice(from).filter(({ sentAt }) => sentAt > start);
  const [old, fresh] = [
    answers.filter(({ version }) => version !== to),
    answers.filter(({ version }) => version === to),
  ];
  const written = watch.tables.find(({ at, table: { versions } }) => {
    return at > start && versions.some(({ name, share }) => name === to && share === ALL);
  });
  const touched = watch.touches.filter(({ at, revision }) => at > start && revision === written?.table.revision);
  const since = (at = Number.NaN): number => at - start;
  return {
    stored: since(watch.models.find(({ generation }) => generation > before)?.at),
    applied: since(applied),
    written: since(written?.at),
    touched: since(lastTouch(touched)),
    firstNew: since(Math.min(...fresh.map(({ doneAt }) => doneAt))),
    lastOld: since(Math.max(...old.map(({ doneAt }) => doneAt))),
    told: since(told.at),
  };
}

/** When the last pod was touched for the first time. One that had looked by itself is not touched. */
function lastTouch(touches: readonly Touch[]): number | undefined {
  const first = new Map<string, number>();
  for (const { pod, at } of touches) first.set(pod, first.get(pod) ?? at);
  return first.size > 0 ? Math.max(...first.values()) : undefined;
}

async function measure(cluster: Told, changes: number): Promise<Figures> {
  const namespace = `apply-${Date.now().toString(36)}`;
  const run = kubectlOf(cluster.kubeconfig, namespace);
  await run('create', 'namespace', namespace);
  try {
    await run.apply(await specOf('v2'));
    await sleep(1_000);
    await run('wait', 'modeldeployment/digits', '--for=condition=Ready', '--timeout=180s');
    await using door = await openDoor(run, namespace, 'digits', 8080, cluster);
    using watch = new Watch(cluster.kubeconfig, namespace);
    await until('the split is v2:100', () => watch.models.find(({ traffic }) => traffic === 'v2:100'));
    const load = new Load(door.url, { callers: CALLERS, pauseMs: PAUSE_MS });
    const done: Change[] = [];
    try {
      for (let i = -1; i < changes; i++) {
        const one = await change({ run, watch, load }, i % 2 === 0 ? 'v2' : 'v1');
        log(`${i < 0 ? 'warm-up' : `change ${i + 1} of ${changes}`}: ${JSON.stringify(rounded(one))}`);
        if (i >= 0) done.push(one);
      }
    } finally {
      await load.stop();
    }
    const { outcomes } = load;
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version },
      pods: REPLICAS * VERSIONS.length,
      changes: done,
      requests: outcomes.length,
      failed: failed(outcomes).length,
    };
  } finally {
    await run('delete', 'namespace', namespace, '--wait=false');
  }
}

const rounded = (one: Change): object =>
  Object.fromEntries(Object.entries(one).map(([name, ms]) => [name, Math.round(ms)]));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      changes: { type: 'string', default: '30' },
      output: { type: 'string', default: 'table' },
      write: { type: 'boolean', default: false },
    },
  });
  const changes = Number(values.changes);
  if (!(Number.isInteger(changes) && changes > 0)) throw new RangeError('--changes is a whole number above 0');
  if (!['table', 'json'].includes(values.output)) throw new RangeError('--output is table or json');
  await using cluster = await useCluster(log);
  await installChart(cluster);
  await startStore(cluster);
  const figures = await measure(cluster, changes);
  process.stdout.write(`${values.output === 'json' ? JSON.stringify(figures, null, 2) : table(figures)}\n`);
  if (!values.write) return;
  const command = `npm run bench:apply -- --changes ${changes} --write`;
  await writeFile(PAGE, withBlock(await readFile(PAGE, 'utf8'), 'bench-apply', block(figures, command)));
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof RangeError ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
});
