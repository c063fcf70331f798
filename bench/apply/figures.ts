/** What the changes of a split took, and how it is shown. */

/** Milliseconds since `kubectl apply` was started, of one change from 100/0 to 0/100. */
export interface Change {
  /** The API server has the new spec. */
  stored: number;
  /** kubectl has ended. */
  applied: number;
  /** The traffic table has it. */
  written: number;
  /** The operator has touched the last of the pods, so that its kubelet looks; NaN where all had looked by themselves. */
  touched: number;
  /** A user got the first answer of the version that had nothing, and the last one of the version that had all. */
  firstNew: number;
  lastOld: number;
  /** The status says so. */
  told: number;
}

const ROWS: readonly (readonly [keyof Change, string])[] = [
  ['stored', 'the API server has the spec'],
  ['applied', 'kubectl apply has ended'],
  ['written', 'the traffic table is written'],
  ['touched', 'all pods are touched'],
  ['firstNew', 'first answer of the new version'],
  ['lastOld', 'last answer of the old version'],
  ['told', 'the status says so'],
];

export interface Figures {
  date: string;
  machine: { cpu: string; cores: number; node: string };
  pods: number;
  changes: readonly Change[];
  requests: number;
  failed: number;
}

const MOST_MS = 2_000;

/** Nearest rank. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(2);

/** Of markdown, which a terminal shows as well. */
export function table({ changes }: Pick<Figures, 'changes'>): string {
  const rows = ROWS.map(([key, what]) => {
    const values = changes.map((change) => change[key]).filter(Number.isFinite);
    const cells = [quantile(values, 0.5), quantile(values, 0.9), Math.max(...values)].map(seconds);
    return `| ${what.padEnd(32)} | ${cells.map((cell) => cell.padStart(6)).join(' | ')} |`;
  });
  return [
    `| ${'seconds since `kubectl apply`'.padEnd(32)} | median | p90 | max |`,
    '| --- | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

/** For docs/performance.md. */
export function block(figures: Figures, command: string): string {
  const { date, machine, pods, changes, requests, failed } = figures;
  const median = quantile(
    changes.map(({ lastOld, told }) => Math.max(lastOld, told)),
    0.5,
  );
  const verdict = median < MOST_MS ? 'under' : '**not under**';
  return `Run of ${date}: ${machine.cpu}, ${machine.cores} cores for the control plane, two nodes and the users, Node ${machine.node}.

${changes.length} changes of the split from 100/0 to 0/100 and back, ${pods} pods, by \`${command}\`; ${requests.toLocaleString('en')} requests meanwhile, ${failed} failed.
From the start of \`kubectl apply\` until users get nothing but the new version and the status says so: ${seconds(median)} s (median), ${verdict} the ${MOST_MS / 1_000} s that it may be.

${table(figures)}`;
}
