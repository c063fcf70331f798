/** The operator itself. */
import { type Dashboard, graph, heatmap, type Row, stat, timeline } from './panel.ts';
import { buckets, max, quantile, rate, sum } from './promql.ts';

const LABELS = 'namespace="$namespace",job="$job"';
const OF = `{${LABELS}}`;
const own = (name: string, more = ''): string => `modelship_operator_${name}{${LABELS}${more && `,${more}`}}`;
const quantiles = (name: string, by: string[] = [], legend = '') =>
  [0.5, 0.99].map((q) => ({ expr: quantile(q, own(`${name}_bucket`), ...by), legend: `${legend}p${q * 100}` }));

const leadership: Row = {
  title: 'Who leads',
  panels: [
    stat({
      title: 'Leaders',
      description:
        'Replicas that lead. 0: nothing is looked after, look at the log and at the Lease. 2 for longer than a scrape: one of them cannot write any more, and says so in its log.',
      queries: [{ expr: sum(own('leading')), instant: true }],
      thresholds: ['red', [1, 'green'], [2, 'red']],
    }),
    stat({
      title: 'Replicas',
      description: 'Replicas that are scraped and answer.',
      queries: [{ expr: sum(`up${OF}`), instant: true }],
      thresholds: ['red', [1, 'green']],
    }),
    stat({
      title: 'ModelDeployments',
      description: 'How many it has in its cache.',
      queries: [{ expr: max(own('cache_objects', 'resource="modeldeployments"')), instant: true }],
    }),
    timeline({
      title: 'Leader',
      description:
        'Which replica leads. Changes without an upgrade: it is too slow to renew its Lease, or the API server is.',
      queries: [{ expr: max(own('leading'), 'pod'), legend: '{{pod}}' }],
      mapping: { '0': ['stands by', 'gray'], '1': ['leads', 'green'] },
      height: 4,
    }),
  ],
};

const work: Row = {
  title: 'Work',
  panels: [
    graph({
      title: 'Queue',
      description:
        'ModelDeployments that are due and wait, and those at work. A queue that grows: too few workers, or a slow API server.',
      queries: [
        { expr: sum(own('queue_depth')), legend: 'waiting' },
        { expr: sum(own('queue_working')), legend: 'at work' },
      ],
    }),
    graph({
      title: 'Wait in the queue',
      description: 'Time from when a ModelDeployment was due until a worker had it.',
      queries: quantiles('queue_latency_seconds'),
      unit: 's',
    }),
    graph({
      title: 'Oldest',
      description:
        'How long the first one waits, and how long the longest work has gone on. Above 10 minutes the process is started anew.',
      queries: [
        { expr: max(own('queue_oldest_seconds')), legend: 'waits' },
        { expr: max(own('queue_longest_working_seconds')), legend: 'is at work' },
      ],
      unit: 's',
    }),
    graph({
      title: 'Passes by outcome',
      description:
        'done; after: looks again in a while; retry and error: failed, and tries again; terminal: waits for a change.',
      queries: [{ expr: rate(own('reconciles_total'), 'outcome'), legend: '{{outcome}}' }],
      unit: 'ops',
      stacked: true,
    }),
    graph({
      title: 'Retries',
      description: 'ModelDeployments queued again because working on them failed. The log says which and why.',
      queries: [{ expr: rate(own('queue_retries_total')), legend: 'retries' }],
      unit: 'ops',
    }),
    graph({
      title: 'Time of a pass',
      description: 'A pass over caches takes a millisecond; one that writes takes as long as the API server.',
      queries: quantiles('reconcile_seconds'),
      unit: 's',
    }),
    heatmap({
      title: 'Time of passes',
      description: 'All passes by how long they took.',
      queries: [{ expr: buckets(own('reconcile_seconds_bucket')) }],
      unit: 's',
    }),
    graph({
      title: 'Events',
      description: 'Kubernetes Events: sent, merged into one sent before, dropped for want of room.',
      queries: [{ expr: rate(own('events_total'), 'result'), legend: '{{result}}' }],
      unit: 'ops',
    }),
  ],
};

const api: Row = {
  title: 'API server',
  panels: [
    graph({
      title: 'Requests by verb',
      description: 'At rest nothing is written: what stays is watches that are opened again, and the Lease.',
      queries: [{ expr: rate(own('api_requests_total'), 'verb'), legend: '{{verb}}' }],
      unit: 'reqps',
      stacked: true,
    }),
    graph({
      title: 'Requests by code',
      description:
        '409: somebody else wrote meanwhile, it looks again. 403: a right is missing. 429: the API server slows it down. none: no answer.',
      queries: [{ expr: rate(own('api_requests_total'), 'code'), legend: '{{code}}' }],
      unit: 'reqps',
    }),
    graph({
      title: 'Time of a request',
      description: 'p99 by verb; watches are left out.',
      queries: [{ expr: quantile(0.99, own('api_request_seconds_bucket'), 'verb'), legend: '{{verb}}' }],
      unit: 's',
    }),
    graph({
      title: 'Objects in caches',
      description: 'By resource, the greatest of the replicas.',
      queries: [{ expr: max(own('cache_objects'), 'resource'), legend: '{{resource}}' }],
    }),
    graph({
      title: 'Lists read again',
      description:
        'Whole lists that were read again because a watch could not go on, by why. Often: the API server loses its history fast.',
      queries: [{ expr: rate(own('relists_total'), 'reason'), legend: '{{reason}}' }],
      unit: 'ops',
    }),
  ],
};

const processes: Row = {
  title: 'Processes',
  panels: [
    graph({
      title: 'CPU',
      description: 'Cores in use by each replica.',
      queries: [{ expr: rate(`process_cpu_seconds_total${OF}`, 'pod'), legend: '{{pod}}' }],
      unit: 'cores',
    }),
    graph({
      title: 'Memory',
      description: 'Resident memory and heap of each replica. Measured: 220 MiB for 1,000 ModelDeployments.',
      queries: [
        { expr: sum(`process_resident_memory_bytes${OF}`, 'pod'), legend: '{{pod}} resident' },
        { expr: sum(`nodejs_heap_size_used_bytes${OF}`, 'pod'), legend: '{{pod}} heap' },
      ],
      unit: 'bytes',
    }),
    graph({
      title: 'Event loop lag',
      description: 'p99 by replica. A leader that lags for seconds may lose its Lease.',
      queries: [{ expr: max(`nodejs_eventloop_lag_p99_seconds${OF}`, 'pod'), legend: '{{pod}}' }],
      unit: 's',
    }),
    graph({
      title: 'Garbage collection',
      description: 'Share of time spent in it, by kind.',
      queries: [{ expr: rate(`nodejs_gc_duration_seconds_sum${OF}`, 'pod', 'kind'), legend: '{{pod}} {{kind}}' }],
      unit: 'percentunit',
    }),
    graph({
      title: 'Restarts',
      description: 'Containers that came up anew.',
      queries: [
        { expr: `sum by (pod) (changes(process_start_time_seconds${OF}[$__rate_interval]))`, legend: '{{pod}}' },
      ],
    }),
  ],
};

export const operator: Dashboard = {
  uid: 'modelship-operator',
  title: 'Modelship / Operator',
  description: 'Whether the operator leads, keeps up, and gets on with the API server.',
  variables: [
    { name: 'namespace', label: 'Namespace', query: 'label_values(modelship_operator_leading, namespace)' },
    { name: 'job', label: 'Job', query: 'label_values(modelship_operator_leading{namespace="$namespace"}, job)' },
  ],
  annotations: [
    {
      name: 'Leader',
      expr: `max by (pod) (${own('leading')} == 1) unless max by (pod) (${own('leading')} offset 1m == 1)`,
      title: 'Another leader',
      text: '{{pod}}',
      colour: 'blue',
    },
  ],
  rows: [leadership, work, api, processes],
};
