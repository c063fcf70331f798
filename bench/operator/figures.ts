/** What one run of the benchmark measured, and how it is shown. */

export interface Figures {
  models: number;
  versions: number;
  /** From the first creation, seconds: until all objects exist, until all are Ready. */
  objectsSeconds: number;
  readySeconds: number;
  /** CPU of the operator, ms per ModelDeployment, from the first creation until some seconds after all were Ready. */
  cpuMs: number;
  /** Per ModelDeployment, in the same time; Leases not counted. `reads`: get and list. */
  reads: number;
  writes: number;
  liveGets: number;
  statusWrites: number;
  /** ModelDeployments by the number of times that their status was written. */
  statusSpread: Record<number, number>;
  /** By `VERB RESOURCE`, per ModelDeployment. */
  requests: Record<string, number>;
  restSeconds: number;
  /** By `VERB RESOURCE`. */
  restWritten: Record<string, number>;
  restReads: number;
  restCpuPercent: number;
  peakMiB: number;
  gracefulExit: boolean;
  /** From the start of a new process until it has looked at all, seconds; its CPU by then; what it wrote. */
  restartSeconds: number;
  restartCpuSeconds: number;
  restartWrites: number;
  restartGets: number;
  /** Until nothing of them is left, pods included. */
  deleteSeconds: number;
}

type Row = [what: string, value: (figures: Figures) => string];

const seconds = (value: number): string => `${value.toFixed(1)} s`;
const each = (value: number): string => value.toFixed(2);

const total = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** `3 (of 41)` */
function most(spread: Record<number, number>): string {
  const times = Math.max(...Object.keys(spread).map(Number));
  return `${times} (of ${spread[times]})`;
}

const ROWS: Row[] = [
  ['ModelDeployments × versions', (f) => `${f.models} × ${f.versions}`],
  ['all objects exist', (f) => seconds(f.objectsSeconds)],
  ['all Ready', (f) => seconds(f.readySeconds)],
  ['per ModelDeployment: writes', (f) => each(f.writes)],
  ['  of the status', (f) => each(f.statusWrites)],
  ['  of the status, at most', (f) => most(f.statusSpread)],
  ['per ModelDeployment: reads', (f) => each(f.reads)],
  ['  live GETs', (f) => each(f.liveGets)],
  ['per ModelDeployment: CPU', (f) => `${f.cpuMs.toFixed(1)} ms`],
  ['peak RSS', (f) => `${f.peakMiB.toFixed(0)} MiB`],
  ['at rest: writes', (f) => `${total(f.restWritten)} in ${f.restSeconds} s`],
  ['at rest: reads', (f) => `${f.restReads} in ${f.restSeconds} s`],
  ['at rest: CPU', (f) => `${f.restCpuPercent.toFixed(2)} %`],
  ['restart: caught up', (f) => seconds(f.restartSeconds)],
  ['restart: CPU', (f) => seconds(f.restartCpuSeconds)],
  ['restart: writes', (f) => String(f.restartWrites)],
  ['restart: live GETs', (f) => String(f.restartGets)],
  ['all deleted', (f) => seconds(f.deleteSeconds)],
  ['ended on request', (f) => (f.gracefulExit ? 'yes' : 'NO')],
];

/** A column a run; then the requests of each, by verb and resource, and what was written at rest. */
export function table(results: readonly Figures[]): string {
  const rows = ROWS.map(([what, value]) => row(what, results.map(value)));
  const requests = byKind(
    results.map((figures) => figures.requests),
    each,
  );
  const written = byKind(
    results.map(({ restWritten }) => restWritten),
    String,
  );
  const rest = written.length > 0 ? ['', row('written at rest', []), ...written] : [];
  return [...rows, '', row('requests per ModelDeployment', []), ...requests, ...rest].join('\n');
}

function byKind(counts: readonly Record<string, number>[], show: (count: number) => string): string[] {
  const kinds = [...new Set(counts.flatMap((of) => Object.keys(of)))].sort();
  return kinds.map((kind) =>
    row(
      kind,
      counts.map((of) => show(of[kind] ?? 0)),
    ),
  );
}

const row = (what: string, cells: readonly string[]): string =>
  `${what.padEnd(44)}${cells.map((cell) => cell.padStart(14)).join('')}`.trimEnd();
