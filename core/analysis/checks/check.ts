/** What a check is, and how a verdict comes from a number, its bound and the evidence. */
import type { EffectiveRollout } from '../../../api/effective.ts';
import type { CheckStatus } from '../../../api/status.ts';
import type { EvidenceSample, VersionEvidence } from '../model.ts';
import { count } from '../text.ts';

export type CheckSpec = NonNullable<EffectiveRollout['analysis']>['checks'][number];
export type Verdict = CheckStatus['verdict'];

export interface CheckOptions {
  spec: CheckSpec;
  /** How messages begin: the check, and its version where there are several canaries. */
  name: string;
  /** Name of the stable version. */
  stable: string;
  minSamples: number;
  /** Evidence that shows that a bound is broken: ln(1/α) of each bound, nats. */
  threshold: number;
}

export interface Finding {
  verdict: Verdict;
  message: string;
}

/** One check of one canary over one window. */
export interface Check {
  /** What was counted since the sample before. */
  add(canary: VersionEvidence, stable: VersionEvidence, sample: EvidenceSample): void;
  /** Called once a look. */
  look(): Finding;
}

/**
 * Beyond the bound and shown to be: Fail. Within it and nothing shown: Pass. Anything else may be chance: Inconclusive.
 * @param beyond the estimate is beyond the bound
 * @param shown the sequential test has enough evidence
 */
export function finding(beyond: boolean, shown: boolean, message: string): Finding {
  if (beyond && shown) return { verdict: 'Fail', message };
  if (!beyond && !shown) return { verdict: 'Pass', message };
  return { verdict: 'Inconclusive', message: `${message}: this may be chance, more requests will tell` };
}

export function inconclusive(message: string): Finding {
  return { verdict: 'Inconclusive', message };
}

const SEVERITY: readonly Verdict[] = ['Pass', 'Inconclusive', 'Fail'];

/** Of several bounds the worst, in the words of those that are as bad. */
export function worst(findings: readonly Finding[]): Finding {
  const severity = Math.max(...findings.map(({ verdict }) => SEVERITY.indexOf(verdict)));
  const verdict = SEVERITY[severity] as Verdict;
  return {
    verdict,
    message: [...new Set(findings.filter((f) => f.verdict === verdict).map((f) => f.message))].join('; '),
  };
}

/** 128 of 200 requests. */
export function tooFew(name: string, seen: number, wanted: number, what: string): Finding {
  return inconclusive(`${name}: ${count(seen)} of ${count(wanted)} ${what}`);
}
