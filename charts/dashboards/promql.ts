/** Pieces of PromQL that several dashboards use. `metric` may carry its selector: `name{…}`. */

const WINDOW = '$__rate_interval';

const by = (labels: readonly string[]): string => (labels.length > 0 ? ` by (${labels.join(', ')})` : '');

/** Per second. */
export const rate = (metric: string, ...labels: string[]): string => `sum${by(labels)} (rate(${metric}[${WINDOW}]))`;

export const sum = (metric: string, ...labels: string[]): string => `sum${by(labels)} (${metric})`;
export const max = (metric: string, ...labels: string[]): string => `max${by(labels)} (${metric})`;

/** Of a classic histogram. @param bucket its `_bucket` series */
export const quantile = (q: number, bucket: string, ...labels: string[]): string =>
  `histogram_quantile(${q}, ${rate(bucket, 'le', ...labels)})`;

/** For a heat map: observations by bucket. */
export const buckets = (bucket: string): string => `sum by (le) (increase(${bucket}[${WINDOW}]))`;

/** Mean of what a histogram observed. @param metric its name without suffix */
export const mean = (metric: string, selector: string, ...labels: string[]): string =>
  `${rate(`${metric}_sum${selector}`, ...labels)} / (${rate(`${metric}_count${selector}`, ...labels)} > 0)`;

/**
 * Share of `part` in `whole`: 0 where no series of `part` is there yet, nothing where `whole` is 0. Both end in the
 * same labels.
 */
export const share = (part: string, whole: string): string => `((${part}) or 0 * (${whole})) / ((${whole}) > 0)`;
