/** Metrics by name, for a report: summed over their labels. Pure. */
import type { CustomMetric } from '../../api/pod-report.ts';
import { RequestError } from '../errors.ts';

/** A metric as prom-client's JSON has it. */
export interface MetricJson {
  name: string;
  type: string;
  values: readonly object[];
}

interface Value {
  value: number;
  metricName?: string;
}

const MOST_NAMES = 32;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$/;

/** `a,b` → names. @throws RequestError INVALID_REQUEST */
export function namesOf(given: unknown): string[] {
  if (given === undefined || given === '') return [];
  const names = String(given).split(',');
  if (names.length > MOST_NAMES) {
    throw new RequestError(
      'INVALID_REQUEST',
      `'custom' names ${names.length} metrics; ${MOST_NAMES} at most at a time`,
    );
  }
  const odd = names.find((name) => !NAME.test(name));
  if (odd === undefined) return names;
  throw new RequestError('INVALID_REQUEST', `'custom' holds '${odd.slice(0, 80)}', which is no name of a metric`);
}

/** @returns those that are there and are numbers, by name */
export function customOf(metrics: readonly MetricJson[], names: readonly string[]): Record<string, CustomMetric> {
  const found = new Map<string, CustomMetric>();
  for (const metric of metrics) {
    const summed = names.includes(metric.name) ? sumOf(metric) : undefined;
    if (summed) found.set(metric.name, summed);
  }
  return Object.fromEntries(found);
}

function sumOf({ name, type, values }: MetricJson): CustomMetric | undefined {
  const sum = (of: readonly object[]) => of.reduce((all, each) => all + (each as Value).value, 0);
  const named = (suffix: string) => values.filter((each) => (each as Value).metricName === `${name}_${suffix}`);
  const observed = type === 'histogram' || type === 'summary';
  const value = sum(observed ? named('sum') : values);
  if (!Number.isFinite(value)) return undefined;
  if (observed) return { type: 'histogram', value, count: sum(named('count')) };
  return { type: type === 'counter' ? 'counter' : 'gauge', value, count: values.length };
}
