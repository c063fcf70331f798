/** The last result of the fault tests, in docs/reliability.md between two markers. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Summary {
  /** YYYY-MM-DD. */
  date: string;
  /** From the first to the last. */
  seeds: string;
  histories: number;
  /** Of these, how many ended otherwise than without faults, or broke a law. */
  unequal: number;
  /** Operators lost on the way. */
  crashes: number;
  /** Seen by the proxies. */
  requests: number;
  /** Of these, what met a fault, by kind. */
  faults: Record<string, number>;
  /** Median of a history, seconds. */
  seconds: number;
  /** Cuts of a first reconcile, one a run. */
  cuts: number;
  /** Processes killed after a write. */
  kills: number;
  /** From the cut of the leader's network until the next edit was in force, seconds. */
  takeOverSeconds: number;
  /** After which the other may lead, from the leader's last renewal. */
  leaseSeconds: number;
  /** Cuts, kills and take-overs that ended otherwise. */
  failed: number;
  versions: { kubernetes: string; node: string; cores: number };
}

const PAGE = join(import.meta.dirname, '../../docs/reliability.md');
const BEGIN = '<!-- faults: begin; npm run test:faults -- --write -->';
const END = '<!-- faults: end -->';

/** @throws Error when the page has lost its markers */
export async function writeSummary(summary: Summary): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  await writeFile(PAGE, withSummary(page, summary));
}

/** The page with what stood between the markers replaced. */
export function withSummary(page: string, summary: Summary): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`docs/reliability.md has no "${BEGIN}" before "${END}": put both back`);
  return `${page.slice(0, from)}${BEGIN}\n${text(summary)}\n${page.slice(to)}`;
}

function text(summary: Summary): string {
  const { versions, faults, histories, unequal, takeOverSeconds, leaseSeconds, seconds } = summary;
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const well = (bad: number): string => (bad === 0 ? 'all ended equal' : `${bad} did NOT`);
  return [
    `Run of ${summary.date}, Kubernetes ${versions.kubernetes}, Node ${versions.node}, ${versions.cores} cores:`,
    '',
    `- Random faults: seeds ${summary.seeds}, ${histories} histories, ${well(unequal)}. ${total} faults in ` +
      `${summary.requests} requests, ${summary.crashes} operators lost; half of the histories took less than ` +
      `${seconds.toFixed(0)} s.`,
    `- Single moments: ${summary.cuts} cuts of one request, ${summary.kills} kills after a write, one leader cut off: ` +
      `${well(summary.failed)}. The other leader had the next edit in force after ${takeOverSeconds.toFixed(1)} s, with a ` +
      `Lease of ${leaseSeconds} s.`,
    '',
    '| fault | times |',
    '|---|---|',
    ...Object.entries(faults).map(([kind, count]) => `| ${kind} | ${count} |`),
  ].join('\n');
}
