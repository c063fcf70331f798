/** The words in which the rules are written: PromQL over series that several processes tell, and Prometheus' annotations. */

export interface Recording {
  record: string;
  expr: string;
}

/** `critical` wakes somebody, `warning` is a ticket, `info` waits for whoever looks. */
export type Severity = 'critical' | 'warning' | 'info';

export interface Alert {
  alert: string;
  expr: string;
  /** How long it must hold, as Prometheus writes durations; at once when left out. */
  for?: string;
  /** How long it stays after it last held: over the gap when another replica of the operator begins to lead. */
  keepFiringFor?: string;
  severity: Severity;
  /** One line that names the object. */
  summary: string;
  /** One line with the numbers and the cause. */
  description: string;
}

export interface Group {
  name: string;
  /** Time between two evaluations; Prometheus' own when left out. A series that is recorded more rarely than every 5 m has gaps. */
  interval?: string;
  /** Evaluated in this order, before the alerts. */
  recordings?: readonly Recording[];
  alerts: readonly Alert[];
}

export const MODEL = 'namespace, name';
export const VERSION = 'namespace, name, version';

/** The ModelDeployment of an alert, in an annotation. */
export const NAMED = '{{ $labels.namespace }}/{{ $labels.name }}';

/**
 * The operator's gauge without the labels of the pod that tells it: another replica that leads goes on with the same
 * series, and while two tell, the larger counts.
 */
export function told(by: string, selector: string): string {
  return `max by (${by}) (${selector})`;
}

/** The runtime's `model` is the `name` that the operator's metrics have. @param more labels that are kept */
export function named(expr: string, more = ''): string {
  return `sum by (${MODEL}${more}) (label_replace(${expr}, "name", "$1", "model", "(.+)"))`;
}

/**
 * A query that an annotation makes when the alert fires, and what is said of its first sample.
 * @param query with a `%q` for each of `labels`
 * @param says a template in which `.` is the sample, such as `{{ .Labels.reason }}`
 */
export function asking(query: string, labels: readonly string[], says: string, otherwise: string): string {
  return `{{ with query ${formatted(query, labels)} }}{{ with first . }}${says}{{ end }}{{ else }}${otherwise}{{ end }}`;
}

/** The same of every sample, each followed by `;`. */
export function askingAll(query: string, labels: readonly string[], says: string, otherwise: string): string {
  return `{{ range query ${formatted(query, labels)} }} ${says};{{ else }} ${otherwise};{{ end }}`;
}

function formatted(query: string, labels: readonly string[]): string {
  if (labels.length === 0) return `\`${query}\``;
  return `(printf \`${query}\` ${labels.map((label) => `$labels.${label}`).join(' ')})`;
}
