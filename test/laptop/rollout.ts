/** A walk under load, from v1 of digits to another version, on real processes: what became of it, and what users saw. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Check, Rollout } from '../../api/rollout.ts';
import type { RolloutStatus } from '../../api/status.ts';
import { isWalking } from '../../core/rollout/model.ts';
import type { LocalEvent } from '../../local/snapshot.ts';
import { type BadVersion, badVersion } from '../fixtures/bad-versions.ts';
import { failed, Load, type LoadOptions, type Outcome } from './load.ts';
import { Modelship } from './modelship.ts';

/** Bounds that v2 keeps on a busy machine, and that a bad version breaks. */
export const CHECKS: Check[] = [
  { metric: 'error-rate', max: 0.05 },
  { metric: 'latency-p50', maxRatio: 5 },
  { metric: 'disagreement', max: 0.12 },
];

export const MIN_SAMPLES = 100;

/** Two steps, a look each second. */
export function rolloutOf(checks: readonly Check[] = CHECKS, more: Partial<Rollout> = {}): Rollout {
  return {
    steps: [{ traffic: 20 }, { traffic: 50 }],
    analysis: { interval: '1s', minSamples: MIN_SAMPLES, deadline: '60s', mirror: 50, checks: [...checks] },
    ...more,
  };
}

/** Some 300 requests a second; what is left of the machine is for those who answer. */
export const LOAD = { callers: 4, pauseMs: 10 };

export interface Walked {
  rollout: RolloutStatus;
  /** From before the walk began until a while after it ended. */
  outcomes: Outcome[];
  events: LocalEvent[];
  modelship: Modelship;
}

export interface WalkOptions {
  /** The version that is walked to; vN is model N of the example, unless it is a bad one. */
  to: string;
  bad?: BadVersion;
  checks?: readonly Check[];
  more?: Partial<Rollout>;
  load?: LoadOptions;
  /** Called again and again while it walks. */
  meanwhile?(modelship: Modelship): void;
  /** Asked when the walk is over and the load goes on. */
  afterwards?(modelship: Modelship): Promise<void>;
}

/** Walks to its end. */
export async function walked({ load: users = LOAD, ...walk }: WalkOptions): Promise<Walked> {
  const { to, bad, checks, more, meanwhile, afterwards } = walk;
  const folder = mkdtempSync(path.join(tmpdir(), 'modelship-bad-'));
  const models: Record<string, string> = bad ? { [to]: await badVersion(bad, folder) } : {};
  const options = { rollout: rolloutOf(checks, more), retireAfter: '1s', models };
  const modelship = await Modelship.start({ v1: 100 }, options);
  const load = new Load(modelship.url, users);
  try {
    await load.more(50);
    modelship.edit({ [to]: 100 }, options);
    const over = () => {
      meanwhile?.(modelship);
      return modelship.rollout !== undefined && !isWalking(modelship.rollout);
    };
    await modelship.until(`the walk to ${to} is over`, over, 100_000);
    const { rollout } = modelship;
    await afterwards?.(modelship);
    await modelship.until('its end is in force', () => modelship.inForce && modelship.version(to)?.share === 0);
    await load.more(100);
    return { rollout: rollout as RolloutStatus, outcomes: await load.stop(), events: modelship.events, modelship };
  } finally {
    await load.stop();
    await modelship.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What users were told instead of an answer; empty is all that is allowed. */
export function failures(outcomes: readonly Outcome[]) {
  return failed(outcomes).map(({ status, error, version }) => ({ status, error, version }));
}

export function answeredBy(version: string, outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => outcome.version === version).length;
}
