/** `docs/reference/metrics.md`, as a test reads it. */
import { readFileSync } from 'node:fs';

interface Row {
  type: string;
  labels: readonly string[];
}

const rows = new Map<string, Row>();
for (const line of readFileSync('docs/reference/metrics.md', 'utf8').split('\n')) {
  const [, name, type, labels = ''] = /^\| `(\w+)` \| (\w+) \| ([^|]*) \|/.exec(line) ?? [];
  if (name && type)
    rows.set(name, { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label as string) });
}

/** Names of all metrics of the page. */
export const LISTED: ReadonlySet<string> = new Set(rows.keys());

/** What an answer of `/metrics` has and the page has not: a name, another type, a label more. */
export function unlisted(text: string): string[] {
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name as string, type]));
  const wrong = [...types]
    .filter(([name, type]) => rows.get(name)?.type !== type)
    .map(([name, type]) => `${name}: ${type}`);
  for (const [series, sample = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const name = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '');
    const row = rows.get(name);
    const known = row?.type === 'histogram' ? [...row.labels, 'le'] : (row?.labels ?? []);
    const more = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label as string);
    if (!row || more.some((label) => !known.includes(label))) wrong.push(series);
  }
  return wrong;
}
