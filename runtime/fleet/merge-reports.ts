/** Reports of several processes → the one report of their replica. Pure. */
import { type LatencySketch, mergeSketches } from '../../api/latency-sketch.ts';
import type { OutputCounts, PodReport, VersionCounters } from '../../api/pod-report.ts';

/** What a process has counted. It outlives the process, so that a replica's counters never go back. */
export interface Tally {
  versions: PodReport['versions'];
  latency: LatencySketch;
  queue: LatencySketch;
  outputs?: Record<string, OutputCounts> | undefined;
}

export const NOTHING: Tally = { versions: {}, latency: {}, queue: {} };

/** Labels of an output, whose counts have a name each; the others are counted together under the empty one. */
const MOST_LABELS = 64;

/** The worst first. */
const STATES: readonly PodReport['load']['state'][] = ['Failed', 'Pending', 'Downloading', 'Loading', 'Loaded'];

/**
 * Counters, requests in flight and sketches are added up. Of the rest: ready when all are, the worst state, the first
 * digest and signature, the longest phases, and the lowest revision in force; none while a process has no table.
 */
export function mergeReports([first, ...others]: readonly [PodReport, ...PodReport[]]): PodReport {
  return others.reduce(mergeTwo, first);
}

function mergeTwo(a: PodReport, b: PodReport): PodReport {
  const worst = STATES.indexOf(a.load.state) <= STATES.indexOf(b.load.state) ? a : b;
  const failure = worst.load.failure ?? a.load.failure ?? b.load.failure;
  const digest = a.load.digest ?? b.load.digest;
  const signature = a.signature ?? b.signature;
  const table = a.table && b.table && (a.table.revision <= b.table.revision ? a.table : b.table);
  return {
    model: a.model,
    version: a.version,
    startedAt: a.startedAt <= b.startedAt ? a.startedAt : b.startedAt,
    ready: a.ready && b.ready,
    load: {
      state: worst.load.state,
      ...(failure && { failure }),
      ...(digest !== undefined && { digest }),
      phases: join(a.load.phases, b.load.phases, Math.max),
    },
    ...(signature && { signature }),
    ...(table && { table }),
    inFlight: a.inFlight + b.inFlight,
    ...addTallies(a, b),
  };
}

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    versions: join(a.versions, b.versions, addCounters),
    latency: mergeSketches([a.latency, b.latency]),
    queue: mergeSketches([a.queue, b.queue]),
    ...((a.outputs ?? b.outputs) && { outputs: join(a.outputs ?? {}, b.outputs ?? {}, addOutputs) }),
  };
}

/** Of more labels than may be shown the first in order keep their names, however reports are grouped. */
function addOutputs(a: OutputCounts, b: OutputCounts): OutputCounts {
  const counts = new Map(Object.entries(join(a.counts, b.counts, (x, y) => x + y)));
  if (a.kind === 'numbers') return { kind: a.kind, counts: Object.fromEntries(counts) };
  const labels = [...counts.keys()].filter((label) => label !== '').sort();
  const others = labels.slice(MOST_LABELS);
  let rest = counts.get('') ?? 0;
  for (const label of others) {
    rest += counts.get(label) as number;
    counts.delete(label);
  }
  if (others.length > 0) counts.set('', rest);
  return { kind: a.kind, counts: Object.fromEntries(counts) };
}

function addCounters(a: VersionCounters, b: VersionCounters): VersionCounters {
  const { shielded, ...plain } = a;
  const sums = Object.entries(plain).map(([name, count]) => [name, count + b[name as keyof typeof plain]]);
  return { ...Object.fromEntries(sums), shielded: join(shielded, b.shielded, (x, y) => x + y) };
}

function join<T>(a: Record<string, T>, b: Record<string, T>, both: (x: T, y: T) => T): Record<string, T> {
  const joined = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const known = joined.get(key);
    joined.set(key, known === undefined ? value : both(known, value));
  }
  return Object.fromEntries(joined);
}
