/** Names of all series that the runtime, its head and the operator register. */
import { OperatorMetrics } from '../../operator/kube/metrics.ts';
import { modelMetrics } from '../../operator/model-metrics.ts';
import { createNumbers } from '../../runtime/fleet/numbers.ts';
import { launchWith, run } from '../runtime/harness.ts';

export async function registeredMetrics(): Promise<ReadonlySet<string>> {
  const { admin } = await run();
  const ofRuntime = await (await fetch(`${admin}/metrics`)).text();
  const operator = new OperatorMetrics();
  modelMetrics(operator.registry, () => []);
  return new Set([ofRuntime, await ofHead(), await operator.registry.metrics()].flatMap(namesIn));
}

/** A head of no processes. */
async function ofHead(): Promise<string> {
  const buried = { tally: { versions: {} }, metrics: [] } as never;
  const crew = { alive: [], serving: [], ready: [], complete: true, buried, restarts: 0 };
  const numbers = createNumbers({ launch: launchWith(), crew, startedAt: '', draining: () => false });
  return (await numbers.metrics()).text;
}

function namesIn(exposition: string): string[] {
  const families = [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return families.flatMap(([, name, type]) =>
    type === 'histogram' || type === 'summary'
      ? ['_bucket', '_sum', '_count'].map((end) => `${name}${end}`)
      : `${name}`,
  );
}
