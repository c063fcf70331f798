/** `docs/reference/metrics.md`: every metric, from the registries that tell them. */
import { allTold, type Told } from './registries.ts';

/** Of the words of a name, from its end, the first of these is its unit; and what it reads like. */
const UNITS: Readonly<Record<string, string>> = {
  seconds: 'seconds',
  bytes: 'bytes',
  ratio: '0 to 1',
  weight: '0 to 1',
  percent: 'percent',
  requests: 'requests',
  items: 'items',
  answers: 'answers',
  entries: 'answers',
  evictions: 'answers',
  workers: 'threads',
  processes: 'processes',
  restarts: 'processes',
  failures: 'requests',
  tables: 'tables',
  replicas: 'replicas',
  objects: 'objects',
  events: 'events',
  relists: 'lists',
  retries: 'keys',
  depth: 'keys',
  working: 'keys',
  reconciles: 'passes',
  steps: 'steps',
  flight: 'requests',
};

/** Numbers without a unit. */
const BARE = /_(info|condition|phase|check|step|leader|leading|served|shared|revision)$/;

/** @throws Error for a metric of ours whose name has none that is known */
export function unitOf({ name }: Pick<Told, 'name'>): string {
  const words = name.replace(/_total$/, '').split('_');
  const unit = BARE.test(name) ? '' : words.reverse().find((word) => Object.hasOwn(UNITS, word));
  if (unit === undefined && name.startsWith('modelship_')) {
    throw new Error(`${name}: add its unit to docs/generate/metrics.ts`);
  }
  return unit ? (UNITS[unit] as string) : '';
}

const OVER: Readonly<Record<string, string>> = {
  sum: 'added up',
  first: 'the same in each',
  min: 'the least',
  max: 'the most',
};

export function metricsPage(): string {
  const { runtime, head, operator, leader, process } = allTold();
  return `<!-- Made by \`npm run generate\` from the registries of runtime and operator. Edit the help of the metrics instead. -->
# Metrics

In the format of Prometheus. A test holds what a runtime and an operator answer to this page. What a Prometheus adds (\`namespace\`,
\`pod\`, \`job\`, …) is not listed; a histogram has \`_bucket\`, \`_sum\` and \`_count\`. What is made of them: [the alerts](../runbooks/README.md).

## Of the runtime

\`/metrics\` at port 9090 of every pod that serves a model. \`model\` is the name of the ModelDeployment. A replica of several
processes answers as one: the fourth column says how.

${table(runtime, ['over several processes', ({ over }) => OVER[over ?? ''] ?? ''])}

A replica of several processes tells of them, too:

${table(head)}

## Of the operator

\`/metrics\` at port 8080 of every replica.

${table(operator)}

Only the replica that leads tells these, read from the status of the ModelDeployments. \`namespace\` and \`name\` are the
ModelDeployment's, so a scrape must honour the labels that it finds (\`honorLabels: true\`), as the ServiceMonitor of the chart does.

${table(leader)}

## Of every process

Of Node and of the process, as [prom-client](https://github.com/siimon/prom-client) names them. Of a replica of several processes, processor
time and memory are those of all.

${table(process)}
`;
}

type Column = [head: string, cell: (metric: Told) => string];

function table(metrics: readonly Told[], ...more: Column[]): string {
  const columns: Column[] = [
    ['metric', ({ name }) => `\`${name}\``],
    ['type', ({ type }) => type],
    ['labels', ({ labels }) => labels.map((label) => `\`${label}\``).join(', ')],
    ...more,
    ['unit', unitOf],
    ['says', ({ help }) => help],
  ];
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    row(columns.map(([head]) => head)),
    `|${'---|'.repeat(columns.length)}`,
    ...metrics.map((metric) => row(columns.map(([, cell]) => cell(metric)))),
  ].join('\n');
}
