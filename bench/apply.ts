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
import { useCluster } from '../test/e2e/cluster.ts';
import { installChart } from '../test/e2e/harness/chart.ts';
import { manifest } from '../test/e2e/harness/digits.ts';
import { openDoor } from '../test/e2e/harness/door.ts';
import { type Kubectl, kubectlOf } from '../test/e2e/harness/kubectl.ts';
import { startStore } from '../test/e2e/harness/store.ts';
import type { Told } from '../test/e2e/setup.ts';
import { failed, Load } from '../test/laptop/load.ts';
import { block, type Change, type Figures, table } from './apply/figures.ts';
import { Watch } from './apply/watch.ts';
import { withBlock } from './serving/page.ts';

const REPLICAS = 2;
const VERSIONS = ['v1', 'v2'] as const;
/** Enough connections that each pod has some. */
const CALLERS = 16;
const PAUSE_MS = 20;
const LIMIT_MS = 120_000;
/** Between two changes; how long is drawn, so that no change falls into step with what is periodic. */
const REST_MS = { least: 1_500, drawn: 3_000 };

const log = (line: string): void => void process.stderr.write(`${line}\n`);

interface Bench {
  run: Kubectl;
  watch: Watch;
  load: Load;
  pods: number;
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

async function change({ run, watch, load, pods }: Bench, to: string): Promise<Change> {
  const spec = await specOf(to);
  const before = watch.models.at(-1)?.generation ?? 0;
  const revision = watch.tables.at(-1)?.table.revision ?? 0;
  const from = load.outcomes.length;
  const start = performance.now();
  await run.apply(spec);
  const applied = performance.now();
  const told = await until(`the status says ${to}:100`, () =>
    watch.models.find(({ at, generation, observed, traffic }) =>
      at > start && generation > before && observed === generation && traffic === `${to}:100`),
  );
  const stored = watch.models.find(({ generation }) => generation > before);
  const written = watch.tables.find(({ table }) => table.revision > revision && shareOf(table.versions, to) === ALL);
  // …
}
