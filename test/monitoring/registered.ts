/** Names of all series that the runtime, its head and the operator tell, as Prometheus has them. */
import { allTold } from '../../docs/generate/registries.ts';

export function registeredMetrics(): Set<string> {
  const names = Object.values(allTold())
    .flat()
    .flatMap(({ name, type }) =>
      type === 'histogram' || type === 'summary' ? ['_bucket', '_sum', '_count'].map((end) => `${name}${end}`) : [name],
    );
  return new Set(names);
}
