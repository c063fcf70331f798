/** The chart's values → `values.schema.json`, by which helm refuses a misspelt or ill-typed value before it does anything. */
import { ALERTS } from './alerts.ts';
import type { ChartValue } from './values.ts';

type Schema = Record<string, unknown>;

/** A number that need not be whole; `--set` makes a string of such a one. */
const NUMBER: Schema = { type: ['number', 'string'], pattern: '^[0-9]+(\\.[0-9]+)?$', minimum: 0 };
/** Below the last bound of the runtime's histograms, 30 s: a quantile above it is never seen. */
const SEEN_SECONDS: Schema = { ...NUMBER, pattern: '^[12]?[0-9](\\.[0-9]+)?$', exclusiveMaximum: 30 };
/** The API server takes strings only, and `--set labels.x=1` makes a number. */
const OF_STRINGS = /(labels|annotations|nodeSelector)$/i;

/** What a default alone does not tell. */
const NARROWER: Readonly<Record<string, Schema>> = {
  replicas: { minimum: 1 },
  workers: { minimum: 1 },
  scope: { enum: ['cluster', 'namespace'] },
  logLevel: { enum: ['debug', 'info', 'warn', 'error'] },
  'image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  'runtime.image.pullPolicy': { enum: ['Always', 'IfNotPresent', 'Never'] },
  'image.digest': { pattern: '^(sha256:[0-9a-f]{64})?$' },
  'runtime.image.digest': { pattern: '^(sha256:[0-9a-f]{64})?$' },
  'leaderElection.leaseDuration': { pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' },
  imagePullSecrets: { items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
  'monitoring.prometheusRule.disabled': { items: { enum: ALERTS.map(({ alert }) => alert) }, uniqueItems: true },
  'monitoring.prometheusRule.slo.availability': {
    ...NUMBER,
    pattern: '^[0-9]{1,2}(\\.[0-9]+)?$',
    exclusiveMaximum: 100,
  },
  'monitoring.prometheusRule.slo.latencySeconds': SEEN_SECONDS,
  'monitoring.prometheusRule.queueTimeSeconds': SEEN_SECONDS,
  'monitoring.prometheusRule.rolloutStepSeconds': NUMBER,
  'monitoring.prometheusRule.runbookBaseUrl': { pattern: '^(https?://.+)?$' },
  'runtime.imagePullSecrets': {
    items: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' },
    uniqueItems: true,
    maxItems: 8,
  },
  'models.tracing.endpoint': { pattern: '^(https?://.+)?$' },
  'models.tracing.ratio': { ...NUMBER, maximum: 1 },
  'podDisruptionBudget.maxUnavailable': { type: ['integer', 'string'], pattern: '^[0-9]+%$', minimum: 0 },
  extraArgs: { items: { type: 'string' } },
};

export function schemaOf(values: readonly ChartValue[]): Schema {
  return { $schema: 'https://json-schema.org/draft-07/schema#', title: 'Values of the chart', ...branch(values, 0) };
}

function branch(values: readonly ChartValue[], depth: number): Schema {
  const names = [...new Set(values.map(({ path }) => path[depth] as string))];
  const properties = names.map((name): [string, Schema] => {
    const below = values.filter(({ path }) => path[depth] === name);
    const [leaf] = below;
    return [name, leaf && leaf.path.length === depth + 1 ? leafOf(leaf) : branch(below, depth + 1)];
  });
  // `global` is what helm hands to every subchart.
  const global: [string, Schema][] = depth === 0 ? [['global', { type: 'object' }]] : [];
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries([...properties, ...global]) };
}

function leafOf({ path, value, says }: ChartValue): Schema {
  const name = path.join('.');
  const strings = OF_STRINGS.test(name) && { additionalProperties: { type: 'string' } };
  return { description: says, type: typeOf(value), ...strings, ...NARROWER[name] };
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' ? 'integer' : typeof value;
}
