/** Pods' reports, which hold totals since the start of a process → what was counted between two samples. */
import type { PodReport } from '../../api/pod-report.ts';
import { callerCounts, rowSince } from './counted-since.ts';
import type { EvidenceSample, VersionEvidence } from './model.ts';
import { Tally } from './tally.ts';

export interface ProcessReport {
  /** Stays with a process for its life: the UID of a pod, the PID of a process. */
  process: string;
  report: PodReport;
}

/** What to count a process from. `unseenSince`: it was missed before it was ever seen; a start after that counts in full. */
type Base = { report: PodReport; at: number } | { unseenSince: number };

export class Increments {
  #bases = new Map<string, Base>();
  #sampledAt = Number.POSITIVE_INFINITY;
  /** Of processes that ended since the sample before. */
  #tallies = new Map<string, Tally>();
  #ended = new Map<string, Base>();
  /** By version: errors that it counted and its callers had not yet (negative: the other way round). */
  #ahead = new Map<string, number>();
  #wasMissing = false;
  /** When the first was counted of what the next sample has. */
  #since = Number.POSITIVE_INFINITY;

  /**
   * What was counted since the sample before. A process that is seen for the first time, or that was started anew
   * (`startedAt`), gives only a base to count from where the sample before could not have seen it.
   * @param at ms since 1970
   * @param missing processes whose report could not be had: what they count comes with their next one
   */
  sample(at: number, reports: Iterable<ProcessReport>, missing: readonly string[] = []): EvidenceSample {
    const bases = new Map<string, Base>();
    for (const { process, report } of reports) {
      if (bases.has(process)) continue;
      bases.set(process, { report: this.#count({ process, report }, true), at });
    }
    for (const process of missing) {
      if (bases.has(process)) continue;
      bases.set(process, this.#baseOf(process) ?? { unseenSince: this.#sampledAt });
    }
    // A process that ended may be listed once more; what was counted of it must not be counted again.
    for (const [process, base] of this.#ended) if (!bases.has(process)) bases.set(process, base);
    const since = this.#since < this.#sampledAt ? { since: this.#since } : {};
    this.#bases = bases;
    this.#ended = new Map();
    this.#since = Number.POSITIVE_INFINITY;
    this.#sampledAt = at;
    return { at, ...since, versions: this.#take(missing.length > 0), missing };
  }

  /** A process has ended: the last report that was read of it still counts. */
  ended(last: ProcessReport): void {
    const report = this.#count(last, false);
    this.#bases.delete(last.process);
    this.#ended.set(last.process, { report, at: this.#sampledAt });
  }

  #baseOf(process: string): Base | undefined {
    return this.#ended.get(process) ?? this.#bases.get(process);
  }

  /** @returns what to count from the next time */
  #count({ process, report }: ProcessReport, gauges: boolean): PodReport {
    const base = this.#baseOf(process);
    const startedAt = Date.parse(report.startedAt);
    const tally = this.#tally(report.version);
    if (!base || 'unseenSince' in base) {
      const unseenSince = base?.unseenSince ?? this.#sampledAt;
      if (startedAt > unseenSince) {
        this.#since = Math.min(this.#since, startedAt);
        this.#add(report, undefined, gauges);
      } else if (gauges) tally.addCustom(gaugesOf(report), true);
      return report;
    }
    const before = base.report;
    const restarted = startedAt - Date.parse(before.startedAt);
    // Of an earlier start: it was read before the one that is known, and is counted.
    if (restarted < 0) return before;
    this.#since = Math.min(this.#since, base.at);
    this.#add(report, restarted > 0 ? undefined : before, gauges);
    // What a report leaves out now and then goes on from where it was.
    if (restarted > 0) return report;
    return {
      ...report,
      outputs: { ...before.outputs, ...report.outputs },
      custom: { ...before.custom, ...report.custom },
    };
  }

  #add(report: PodReport, before: PodReport | undefined, gauges: boolean): void {
    this.#tally(report.version).addOwn(report, before, gauges);
    for (const [version, counters] of Object.entries(report.versions)) {
      const base = before?.versions[version];
      this.#tally(version).addCallers(rowSince(callerCounts(counters), base && callerCounts(base)));
    }
  }

  #tally(version: string): Tally {
    const known = this.#tallies.get(version);
    if (known) return known;
    const fresh = new Tally();
    this.#tallies.set(version, fresh);
    return fresh;
  }

  /** While reports are missing, one side may be behind for long; after that it never follows. */
  #take(missing: boolean): Record<string, VersionEvidence> {
    const versions: Record<string, VersionEvidence> = {};
    const ahead = new Map<string, number>();
    for (const version of new Set([...this.#tallies.keys(), ...this.#ahead.keys()])) {
      const before = this.#ahead.get(version) ?? 0;
      const taken = this.#tally(version).evidence(before);
      versions[version] = taken.evidence;
      const owed = taken.ahead.now + (missing || this.#wasMissing ? taken.ahead.left : 0);
      if (owed !== 0) ahead.set(version, owed);
    }
    this.#ahead = ahead;
    this.#tallies = new Map();
    this.#wasMissing = missing;
    return versions;
  }
}

function gaugesOf({ custom }: PodReport): NonNullable<PodReport['custom']> {
  return Object.fromEntries(Object.entries(custom ?? {}).filter(([, { type }]) => type === 'gauge'));
}
