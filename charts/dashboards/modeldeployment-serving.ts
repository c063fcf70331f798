/** What the users of a ModelDeployment see, and how its model runs. */
import { graph, heatmap, type Row } from './panel.ts';
import { buckets, mean, quantile, rate, share, sum } from './promql.ts';
import { BUSY, onVersion, POD, POD_LABELS, refusedOf, SECONDS_OF_REQUESTS, VERSION } from './words.ts';

const OWN = 'modelship_dev_version';
const MODEL = 'namespace="$namespace",modelship_dev_model="$modeldeployment",version=~"$version"';
const all = `modelship_requests_total${onVersion()}`;
const quantiles = (metric: string) =>
  [0.5, 0.95, 0.99].map((q) => ({
    expr: quantile(q, `${metric}_bucket${POD}`, OWN),
    legend: `${VERSION} p${q * 100}`,
  }));

export const requests: Row = {
  title: 'Requests',
  panels: [
    graph({
      title: 'Requests by version',
      description: 'Inference requests of users answered per second, by the version that answered.',
      queries: [{ expr: rate(all, 'version'), legend: '{{version}}' }],
      unit: 'reqps',
      stacked: true,
    }),
    graph({
      title: 'Answers by code',
      description: '4xx are refusals: what users sent was wrong, or there was no room (429). 499: they went away.',
      queries: [{ expr: rate(all, 'version', 'code'), legend: '{{version}} {{code}}' }],
      unit: 'reqps',
    }),
    graph({
      title: 'Share of errors',
      description:
        "Share of a version's answers that are 5xx. Those of a canary may never have reached a user: see shielded requests.",
      queries: [
        {
          expr: share(rate(`modelship_requests_total${onVersion('code=~"5.."')}`, 'version'), rate(all, 'version')),
          legend: '{{version}}',
        },
      ],
      unit: 'percentunit',
      noValue: 'no requests',
    }),
    heatmap({
      title: 'Latency',
      description:
        'From the last byte of a request to its answer, for all chosen versions together. Two bands are two kinds of request, or two versions.',
      queries: [{ expr: buckets(`${SECONDS_OF_REQUESTS}_bucket${POD}`) }],
      unit: 's',
      width: 12,
    }),
    graph({
      title: 'Latency by version',
      description: 'Quantiles of the time from the last byte of a request to its answer.',
      queries: quantiles(SECONDS_OF_REQUESTS),
      unit: 's',
      width: 12,
    }),
  ],
};

export const execution: Row = {
  title: 'Queue, batches, cache',
  panels: [
    graph({
      title: 'Waiting and in flight',
      description:
        'Requests that wait for a run, and all that are not answered yet. A queue that does not empty wants replicas.',
      queries: [
        { expr: sum(`modelship_queue_requests${POD}`, OWN), legend: `${VERSION} waiting` },
        { expr: sum(`modelship_requests_in_flight${POD}`, OWN), legend: `${VERSION} in flight` },
      ],
    }),
    graph({
      title: 'Wait for a run',
      description: 'Quantiles of the time that a request waited, also for others to share a batch with.',
      queries: quantiles('modelship_queue_duration_seconds'),
      unit: 's',
    }),
    graph({
      title: 'Run of the model',
      description: 'Quantiles of the time that one run took. It grows with the batch.',
      queries: quantiles('modelship_compute_duration_seconds'),
      unit: 's',
    }),
    graph({
      title: 'Busy, and refused for want of room',
      description:
        'Share of time that the threads which run the model spend in it, and share of requests answered with 429 or 503. Near 1, requests wait for each other.',
      queries: [
        { expr: BUSY(POD_LABELS, [OWN]), legend: `${VERSION} busy` },
        { expr: refusedOf(MODEL, ['version']), legend: '{{version}} refused' },
      ],
      unit: 'percentunit',
    }),
    heatmap({
      title: 'Batch sizes',
      description: 'Runs by their number of items, all chosen versions together.',
      queries: [{ expr: buckets(`modelship_batch_items_bucket${POD}`) }],
      unit: 'short',
    }),
    graph({
      title: 'Items in a batch',
      description: 'Mean number of items of a run. 1 under load: batching is off, or requests differ in shape.',
      queries: [{ expr: mean('modelship_batch_items', POD, OWN), legend: VERSION }],
    }),
    graph({
      title: 'Where answers come from',
      description: 'Answers of a run of their own, of the cache, or of the run of an identical request (joined).',
      queries: [
        { expr: rate(`modelship_answers_total${onVersion()}`, 'version', 'from'), legend: '{{version}} {{from}}' },
      ],
      unit: 'reqps',
      stacked: true,
    }),
    graph({
      title: 'Cache hits',
      description: 'Share of answers that needed no run. 0 without `serving.cache`.',
      queries: [
        {
          expr: share(
            rate(`modelship_answers_total${onVersion('from!="run"')}`, 'version'),
            rate(`modelship_answers_total${onVersion()}`, 'version'),
          ),
          legend: '{{version}}',
        },
      ],
      unit: 'percentunit',
      max: 1,
      noValue: 'no requests',
    }),
    graph({
      title: 'Load of the model',
      description: 'Time that each phase of the start took, the slowest replica of a version.',
      queries: [
        {
          expr: `max by (${OWN}, phase) (modelship_model_load_seconds${POD})`,
          legend: `${VERSION} {{phase}}`,
        },
      ],
      unit: 's',
    }),
  ],
};
