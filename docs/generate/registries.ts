/** The registries of metrics of runtime and operator, filled as their processes fill them. */
import type { Registry } from 'prom-client';
import { OperatorMetrics } from '../../operator/kube/metrics.ts';
import { modelMetrics } from '../../operator/model-metrics.ts';
import { realClock } from '../../runtime/clock.ts';
import { VersionBook } from '../../runtime/counters.ts';
import { RequestError } from '../../runtime/errors.ts';
import { AGGREGATORS } from '../../runtime/fleet/merge-metrics.ts';
import { ownRegistry } from '../../runtime/fleet/numbers.ts';
import { OwnVersion } from '../../runtime/own-version.ts';
import { createMetrics } from '../../runtime/plugins/metrics.ts';

export interface Told {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram' | 'summary';
  labels: readonly string[];
  /** How those of several processes of a replica become one; undefined for the operator. */
  over?: string;
}

export interface AllTold {
  /** Each process that serves. */
  runtime: Told[];
  /** The head of a replica with several processes. */
  head: Told[];
  /** Each replica of the operator. */
  operator: Told[];
  /** The replica that leads, beside these. */
  leader: Told[];
  /** Each process of both, about itself. */
  process: Told[];
}

export function allTold(): AllTold {
  const operator = new OperatorMetrics();
  const alone = toldBy(operator.registry);
  modelMetrics(operator.registry, () => []);
  const serving = runtimeMetrics();
  const runtime = toldBy(serving.registry).map((one) => ({ ...one, over: AGGREGATORS[one.name] ?? 'sum' }));
  serving.stop();
  const known = new Set(alone.map(({ name }) => name));
  const ours = ({ name }: Told): boolean => name.startsWith('modelship_');
  const all = {
    runtime: runtime.filter(ours),
    head: toldBy(ownRegistry({ ready: [], restarts: 0 })).filter(ours),
    operator: alone.filter(ours),
    leader: toldBy(operator.registry).filter(({ name }) => !known.has(name)),
    process: runtime.filter((one) => !ours(one)),
  };
  operator.registry.clear();
  return all;
}

/** Those of a server that has loaded nothing yet. */
function runtimeMetrics() {
  const observer = { ran: () => {}, failed: () => {}, unforeseen: () => {} };
  const coded = (error: unknown) => new RequestError('INTERNAL', String(error));
  return createMetrics({
    own: new OwnVersion({ model: 'digits', version: 'v1', clock: realClock, observer, coded }),
    traffic: { table: () => undefined, refusedTables: () => 0 },
    book: new VersionBook('v1'),
    runtimeVersion: '',
    inFlight: () => 0,
    clock: realClock,
    warn: () => {},
  });
}

/** What every prom-client metric has, though its types do not say so. */
interface Described {
  name: string;
  help: string;
  type: Told['type'];
  labelNames: readonly string[];
}

function toldBy(registry: Registry): Told[] {
  const metrics = registry.getMetricsAsArray() as unknown as Described[];
  return metrics.map(({ name, help, type, labelNames }) => ({ name, help, type, labels: labelNames }));
}
