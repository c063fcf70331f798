/** The numbers of a replica: asked of its processes, added up with those of processes that are gone. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Launch } from '../../api/launch.ts';
import type { PodReport } from '../../api/pod-report.ts';
import type { Crew } from './crew.ts';
import { type Metric, mergeMetrics } from './merge-metrics.ts';
import { addTallies, mergeReports, NOTHING } from './merge-reports.ts';

export interface NumbersOptions {
  launch: Launch;
  crew: Pick<Crew, 'alive' | 'serving' | 'ready' | 'complete' | 'buried' | 'restarts'>;
  /** RFC 3339. */
  startedAt: string;
  draining(): boolean;
}

export interface Numbers {
  report(): Promise<PodReport>;
  metrics(): Promise<{ contentType: string; text: string }>;
  /** Whether every process that serves answers. */
  live(): Promise<boolean>;
}

export function createNumbers(options: NumbersOptions): Numbers {
  const { crew } = options;
  const registry = ownRegistry(crew);
  return {
    async report() {
      const answered = await Promise.all(crew.alive.map((member) => member.ask('report')));
      const report = reportOf(options);
      return { ...report, ready: report.ready && answered.some(Boolean) };
    },
    async metrics() {
      await Promise.all(crew.alive.map((member) => member.ask('metrics')));
      const own = (await registry.getMetricsAsJSON()) as unknown as Metric[];
      // The head's own loop and heap say nothing of those that serve; its processor time and memory are the replica's.
      const costs = own.filter(({ name }) => name.startsWith('process_') || name.startsWith('modelship_'));
      return mergeMetrics([costs, ...crew.alive.map(({ metrics }) => metrics), crew.buried.metrics]);
    },
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
    startedAt,
    ready,
  };
  // Of one that has not answered yet nobody knows which table it has.
  return table && shown.length === counted.length ? { ...rest, table } : rest;
}

function ownRegistry(crew: NumbersOptions['crew']): Registry {
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
