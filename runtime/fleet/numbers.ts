/** The numbers of a replica: asked of its processes, added up with those of processes that are gone. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Diffs } from '../../api/diffs.ts';
import type { Launch } from '../../api/launch.ts';
import type { PodReport } from '../../api/pod-report.ts';
import { customOf, type MetricJson } from '../plugins/custom-metrics.ts';
import type { Crew } from './crew.ts';
import { aggregate, type Metric, mergeMetrics } from './merge-metrics.ts';
import { addTallies, mergeReports, NOTHING } from './merge-reports.ts';

export interface NumbersOptions {
  launch: Launch;
  crew: Pick<Crew, 'alive' | 'serving' | 'ready' | 'complete' | 'buried' | 'restarts'>;
  /** RFC 3339. */
  startedAt: string;
  draining(): boolean;
}

export interface Numbers {
  /** @param custom names of metrics that are wanted in it */
  report(custom?: readonly string[]): Promise<PodReport>;
  /** What its processes keep, newest first. */
  diffs(): Promise<Diffs>;
  metrics(): Promise<{ contentType: string; text: string }>;
  /** Whether every process that serves answers. */
  live(): Promise<boolean>;
}

export function createNumbers(options: NumbersOptions): Numbers {
  const { crew, launch } = options;
  const registry = ownRegistry(crew);
  const metricSets = async () => {
    await Promise.all(crew.alive.map((member) => member.ask('metrics')));
    const own = (await registry.getMetricsAsJSON()) as unknown as Metric[];
    // The head's own loop and heap say nothing of those that serve; its processor time and memory are the replica's.
    const costs = own.filter(({ name }) => name.startsWith('process_') || name.startsWith('modelship_'));
    return [costs, ...crew.alive.map(({ metrics }) => metrics), crew.buried.metrics];
  };
  return {
    async report(names = []) {
      const answered = await Promise.all(crew.alive.map((member) => member.ask('report')));
      const report = reportOf(options);
      const ready = report.ready && answered.some(Boolean);
      if (names.length === 0) return { ...report, ready };
      const merged = await aggregate(await metricSets()).getMetricsAsJSON();
      return { ...report, ready, custom: customOf(merged as unknown as MetricJson[], names) };
    },
    async diffs() {
      await Promise.all(crew.alive.map((member) => member.ask('diffs')));
      const kept = crew.alive.flatMap((member) => member.takeDiffs() ?? []);
      return {
        model: launch.model,
        stable: launch.version,
        keep: Math.max(0, ...kept.map(({ keep }) => keep)),
        diffs: kept.flatMap(({ diffs }) => diffs).sort((a, b) => (a.at < b.at ? 1 : -1)),
      };
    },
    metrics: async () => mergeMetrics(await metricSets()),
    async live() {
      return (await Promise.all(crew.serving.map((member) => member.ask('report')))).every(Boolean);
    },
  };
}

/**
 * The replica's report. It is ready from when all its processes were, and then as long as one is: a process that is
 * started again counts as one that is not there. What each of them counted counts in any case.
 */
function reportOf({ launch, crew, startedAt, draining }: NumbersOptions): PodReport {
  const { model, version } = launch;
  const counted = crew.complete ? crew.ready : crew.alive;
  const shown = counted.flatMap(({ report }) => report ?? []);
  const [first, ...others] = shown;
  const silent = { state: 'Pending' as const, phases: {} };
  const merged: PodReport = first
    ? mergeReports([first, ...others])
    : { model, version, startedAt, ready: false, load: silent, inFlight: 0, ...NOTHING };
  const starting = crew.alive.flatMap(({ report }) => (report && !shown.includes(report) ? report : []));
  const tally = [crew.buried.tally, ...starting].reduce(addTallies, merged);
  const ready = merged.ready && crew.complete && !draining();
  const { table, ...rest } = {
    ...merged,
    versions: tally.versions,
    latency: tally.latency,
    queue: tally.queue,
    // While nobody asks for them, those of the dead are not shown either.
    ...(merged.outputs && { outputs: tally.outputs }),
    startedAt,
    ready,
  };
  // Of one that has not answered yet nobody knows which table it has.
  return table && shown.length === counted.length ? { ...rest, table } : rest;
}

/** What the head of a replica tells beside its processes. */
export function ownRegistry(crew: Pick<Crew, 'ready' | 'restarts'>): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: 'modelship_processes',
    help: 'Processes of this replica that are ready.',
    registers,
    collect() {
      this.set(crew.ready.length);
    },
  });
  new Counter({
    name: 'modelship_process_restarts_total',
    help: 'Processes of this replica that died and were started again.',
    registers,
    collect() {
      this.reset();
      this.inc(crew.restarts);
    },
  });
  return registry;
}
