/** One window of analysis: its checks, and what they say. */
import type { EffectiveRollout } from '../../api/effective.ts';
import type { OpenWindow } from '../rollout/model.ts';
import { thresholdOf } from './budget.ts';
import type { Check } from './checks/check.ts';
import { checkName, createCheck } from './checks/create.ts';
import { NOTHING } from './evidence.ts';
import type { CheckVerdict, EvidenceSample, Verdicts } from './model.ts';
import { clipped } from './text.ts';

export type EffectiveAnalysis = NonNullable<EffectiveRollout['analysis']>;

/** What a version answers at once when it gets its share, connections and caches cold, is no evidence. */
const LONGEST_WARM_UP_MS = 5_000;
/** Where a sample is late by less, a look waits for it. */
const WAIT_FOR_SAMPLE_MS = 1_000;
const LONGEST_MESSAGE = 1_024;

interface Row {
  name: string;
  version: string;
  check: Check;
}

export class AnalysisWindow {
  readonly #window: OpenWindow;
  readonly #analysis: EffectiveAnalysis;
  readonly #rows: readonly Row[];
  /** Evidence counts from here. */
  readonly #from: number;
  /** Whether a sample that counts came since the last look. */
  #fresh = false;
  /** When the first sample that counts began. After a restart that is long after the step came into force. */
  #counted: number | undefined;
  #lastLookAt: number;
  #verdicts: Verdicts;

  constructor(window: OpenWindow, analysis: EffectiveAnalysis) {
    this.#window = window;
    this.#analysis = analysis;
    this.#rows = rowsOf(window, analysis);
    this.#from = window.since + Math.min(analysis.intervalMs, LONGEST_WARM_UP_MS);
    this.#lastLookAt = this.#from;
    const { id, step, window: index, since } = window;
    const nextAt = this.#from + analysis.intervalMs;
    this.#verdicts = { key: { id, step, window: index }, since, looks: 0, checks: [], nextAt };
  }

  /** @param began when the sample before was taken: what was counted since then may be of before the window */
  add(sample: EvidenceSample, began: number): void {
    if (began < this.#from) return;
    this.#fresh = true;
    this.#counted ??= began;
    const stable = sample.versions[this.#window.stable] ?? NOTHING;
    for (const { check, version } of this.#rows) check.add(sample.versions[version] ?? NOTHING, stable, sample);
  }

  look(now: number): Verdicts {
    const { intervalMs } = this.#analysis;
    if (this.#verdicts.looks > 0 && now < this.#lastLookAt) this.#setBack(now);
    if (now < this.#verdicts.nextAt) return this.#verdicts;
    if (!this.#fresh && now < this.#lastLookAt + 2 * intervalMs) {
      this.#verdicts = { ...this.#verdicts, nextAt: now + Math.min(intervalMs, WAIT_FOR_SAMPLE_MS) };
      return this.#verdicts;
    }
    const checks = this.#rows.map((row) => this.#verdict(row, now));
    // The deadline for enough evidence runs from when it could first be gathered.
    const since = this.#verdicts.looks > 0 ? this.#verdicts.since : Math.max(this.#window.since, this.#counted ?? now);
    this.#verdicts = { ...this.#verdicts, since, looks: this.#verdicts.looks + 1, checks, nextAt: now + intervalMs };
    this.#fresh = false;
    this.#lastLookAt = now;
    return this.#verdicts;
  }

  /** The clock was: nobody waits for the time that it comes back to. */
  #setBack(now: number): void {
    this.#lastLookAt = now;
    this.#verdicts = { ...this.#verdicts, nextAt: now + this.#analysis.intervalMs };
  }

  /** Without reports nothing passes by silence. */
  #verdict({ name, version, check }: Row, now: number): CheckVerdict {
    if (!this.#fresh) {
      const message = `${name}: nothing was reported for ${Math.round((now - this.#lastLookAt) / 1_000)} s`;
      return { name, version, verdict: 'Inconclusive', message };
    }
    const { verdict, message } = check.look();
    return { name, version, verdict, message: clipped(message, LONGEST_MESSAGE) };
  }
}

/** In the order of the spec; of a query, which knows no version, one row whatever the number of canaries. */
function rowsOf({ stable, canaries, step }: OpenWindow, { checks, minSamples }: EffectiveAnalysis): Row[] {
  const threshold = thresholdOf(checks, canaries.length, step);
  return checks.flatMap((spec) =>
    (spec.prometheus === undefined ? canaries : canaries.slice(0, 1)).map((version) => {
      const several = canaries.length > 1 && spec.prometheus === undefined;
      const name = several ? `${checkName(spec)} of ${version}` : checkName(spec);
      return { name, version, check: createCheck({ spec, name, stable, minSamples, threshold }) };
    }),
  );
}
