/**
 * `custom` and `prometheus`: numbers whose distribution nobody knows. No statistics: out of bounds in two looks in a row
 * fails.
 */
import type { CustomMetric } from '../../../api/pod-report.ts';
import type { EvidenceSample, VersionEvidence } from '../model.ts';
import { count, number, times } from '../text.ts';
import { type Check, type CheckOptions, type Finding, inconclusive, tooFew } from './check.ts';

interface Reading {
  value: number;
  /** The stable version's, where it is asked for. */
  other?: number;
}

/** Looks in a row that must be out of bounds. */
const LOOKS_TO_FAIL = 2;

/** Judges one number a look. */
class InARow {
  readonly #options: CheckOptions;
  #out = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  look({ value, other }: Reading): Finding {
    const { name, stable, spec } = this.#options;
    const { max = Number.POSITIVE_INFINITY, min = Number.NEGATIVE_INFINITY, maxRatio } = spec;
    const allowed: string[] = [];
    if (spec.max !== undefined) allowed.push(`allowed ${number(spec.max)}`);
    if (spec.min !== undefined) allowed.push(`at least ${number(spec.min)} wanted`);
    let text = `${name} ${number(value)}`;
    let out = value > max || value < min;
    if (maxRatio !== undefined && other !== undefined) {
      const ratio = value === other ? 1 : value / other;
      text += ` against ${number(other)} of ${stable} (${times(ratio)})`;
      allowed.push(`allowed ${times(maxRatio)}`);
      out ||= ratio > maxRatio;
    }
    const message = `${text}, ${allowed.join(', ')}`;
    this.#out = out ? this.#out + 1 : 0;
    if (!out) return { verdict: 'Pass', message };
    if (this.#out < LOOKS_TO_FAIL) return inconclusive(`${message}: another look like this fails it`);
    return { verdict: 'Fail', message: `${message}, ${count(this.#out)} looks in a row` };
  }

  missing(message: string): Finding {
    this.#out = 0;
    return inconclusive(message);
  }
}

/** A gauge's mean over its series, a counter's increase a request, a histogram's mean. */
export class CustomCheck implements Check {
  readonly #options: CheckOptions;
  readonly #row: InARow;
  readonly #canary = new CustomSum();
  readonly #stable = new CustomSum();

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#row = new InARow(options);
  }

  add(canary: VersionEvidence, stable: VersionEvidence): void {
    const metric = this.#options.spec.custom ?? '';
    this.#canary.add(canary.requests, canary.custom[metric]);
    this.#stable.add(stable.requests, stable.custom[metric]);
  }

  look(): Finding {
    const { name, minSamples, spec, stable } = this.#options;
    const { requests } = this.#canary;
    const value = this.#canary.take();
    const other = this.#stable.take();
    if (requests < minSamples) return tooFew(name, requests, minSamples, 'requests');
    if (value === undefined) return this.#row.missing(`${name}: no pod reports a metric of this name with a value`);
    if (spec.maxRatio === undefined) return this.#row.look({ value });
    if (other === undefined) return this.#row.missing(`${name}: ${stable} has no value to compare with`);
    return this.#row.look({ value, other });
  }
}

class CustomSum {
  requests = 0;
  #type: CustomMetric['type'] | undefined;
  #value = 0;
  #count = 0;
  /** Seen since the last look: a gauge that nobody reports any more has no value. */
  #fresh = false;

  add(requests: number, metric: CustomMetric | undefined): void {
    this.requests += requests;
    if (!metric) return;
    if (metric.type === 'gauge' || metric.type !== this.#type) this.#value = this.#count = 0;
    this.#type = metric.type;
    this.#fresh = true;
    this.#value += metric.value;
    this.#count += metric.count;
  }

  /** What it stands at; called once a look. */
  take(): number | undefined {
    const stale = this.#type === 'gauge' && !this.#fresh;
    this.#fresh = false;
    const by = this.#type === 'counter' ? this.requests : this.#count;
    const value = this.#value / by;
    return stale || this.#type === undefined || !Number.isFinite(value) ? undefined : value;
  }
}

export class PrometheusCheck implements Check {
  readonly #options: CheckOptions;
  readonly #row: InARow;
  #requests = 0;
  /** The newest answer since the last look. */
  #answer: number | undefined;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#row = new InARow(options);
  }

  add(canary: VersionEvidence, _stable: VersionEvidence, { prometheus }: EvidenceSample): void {
    const answer = prometheus?.[this.#options.spec.prometheus ?? ''];
    this.#requests += canary.requests;
    if (answer !== undefined && !Number.isNaN(answer)) this.#answer = answer;
  }

  look(): Finding {
    const { name, minSamples } = this.#options;
    const value = this.#answer;
    this.#answer = undefined;
    if (this.#requests < minSamples) return tooFew(name, this.#requests, minSamples, 'requests');
    return value === undefined ? this.#row.missing(`${name}: the query has no answer`) : this.#row.look({ value });
  }
}
