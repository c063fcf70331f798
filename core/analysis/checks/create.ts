/** Checks from their spec. */
import { clipped } from '../text.ts';
import type { Check, CheckOptions, CheckSpec } from './check.ts';
import { QuantileCheck } from './quantile-check.ts';
import { DISAGREEMENT, ERROR_RATE, RateCheck } from './rate-check.ts';
import { ShiftCheck } from './shift-check.ts';
import { CustomCheck, PrometheusCheck } from './value-check.ts';

/** A query may be 4 KiB long; names and messages of a status are not. */
const LONGEST_NAME = 120;

export function checkName({ metric, custom, prometheus }: CheckSpec): string {
  return clipped(metric ?? custom ?? `prometheus ${(prometheus ?? '').replace(/\s+/g, ' ').trim()}`, LONGEST_NAME);
}

export function createCheck(options: CheckOptions): Check {
  const { metric, custom } = options.spec;
  if (custom !== undefined) return new CustomCheck(options);
  switch (metric) {
    case undefined:
      return new PrometheusCheck(options);
    case 'error-rate':
      return new RateCheck(ERROR_RATE, options);
    case 'disagreement':
      return new RateCheck(DISAGREEMENT, options);
    case 'output-shift':
      return new ShiftCheck(options);
    default: {
      const [sketch, percentile] = metric.split('-p') as ['latency' | 'queue', string];
      return new QuantileCheck(sketch, Number(percentile) / 100, options);
    }
  }
}

/** Sequential tests that a check makes: what may go wrong by chance is divided among them. */
export function testsOf({ metric, max, min, maxRatio }: CheckSpec): number {
  if (metric === undefined) return 0;
  if (metric === 'output-shift') return max === undefined ? 0 : 1;
  return [max, min, maxRatio].filter((bound) => bound !== undefined).length;
}
