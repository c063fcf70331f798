/** All ModelDeployments: which of them need a look. */
import { type Dashboard, filledIn, graph, type Panel, type Row, stat, table } from './panel.ts';
import { max, quantile, rate, share, sum } from './promql.ts';
import { BUSY, DCGM_UTILIZATION, PHASES, READY, refusedOf, SECONDS_OF_REQUESTS } from './words.ts';

const MODELS = 'namespace=~"$namespace"';
const RUNTIME = `{${MODELS},modelship_dev_model!=""}`;
/** What runtimes say comes under the label that the PodMonitor adds; what the operator says under `name`. */
const ID = ['namespace', 'name'] as const;
const named = (expr: string): string => `label_replace(${expr}, "name", "$1", "modelship_dev_model", "(.*)")`;
const BY_MODEL = ['namespace', 'modelship_dev_model'] as const;

const requests = rate(`modelship_requests_total${RUNTIME}`, ...BY_MODEL);
const failures = rate(`modelship_requests_total{${MODELS},modelship_dev_model!="",code=~"5.."}`, ...BY_MODEL);
const errorShare = share(failures, requests);
const refusedShare = refusedOf(`${MODELS},modelship_dev_model!=""`, BY_MODEL);
const p99 = quantile(0.99, `${SECONDS_OF_REQUESTS}_bucket${RUNTIME}`, ...BY_MODEL);
const busy = BUSY(`${MODELS},modelship_dev_model!=""`, BY_MODEL);

const condition = (more: string): string => `modelship_modeldeployment_condition{${MODELS},${more}}`;
const phase = (more: string): string => `modelship_rollout_phase{${MODELS},${more}} == 1`;
const each = (expr: string): string => max(expr, ...ID);

/** Leads to the dashboard of one. @param name where Grafana finds its namespace and its name */
const link = (namespace: string, name: string) => ({
  title: 'This ModelDeployment',
  url: `/d/modelship-modeldeployment?${[
    `var-datasource=${filledIn('datasource')}`,
    `var-namespace=${filledIn(namespace)}`,
    `var-modeldeployment=${filledIn(name)}`,
    filledIn('__url_time_range'),
  ].join('&')}`,
});
const LINK = link('__data.fields.namespace', '__data.fields.name');
const SERIES_LINK = link('__field.labels.namespace', '__field.labels.modelship_dev_model');
const SERIES = '{{namespace}}/{{modelship_dev_model}}';

/**
 * What does not serve weighs most, then what is not Ready, then what waits for somebody, such as a rollout that was taken
 * back; then errors, what is refused, and how busy it is.
 */
function score(): string {
  const none = `0 * ${each(condition('type="Ready"'))}`;
  const or0 = (expr: string): string => `((${expr}) or ${none})`;
  return [
    `1000 * ${or0(each(condition('type="Available",status!="True"')))}`,
    `500 * ${or0(each(condition('type="Ready",status!="True"')))}`,
    `250 * ${or0(each(condition('type="Stalled",status="True"')))}`,
    `100 * ${or0(each(`clamp_max(10 * ${named(errorShare)}, 1)`))}`,
    `50 * ${or0(each(`clamp_max(10 * ${named(refusedShare)}, 1)`))}`,
    `10 * ${or0(each(`clamp_max(${named(busy)}, 1)`))}`,
  ].join(' + on (namespace, name) ');
}

const worst: Panel = table({
  title: 'Which need a look',
  description:
    'Worst first: what does not serve, then what is not Ready, then what is stalled or rolled back, then by errors, refused requests and how busy it is. Ready names the reason, Rollout the phase. A click leads to the ModelDeployment.',
  height: 12,
  sortBy: 'Value #A',
  queries: [
    { expr: score() },
    { expr: max(condition('type="Ready"'), ...ID, 'status', 'reason') },
    { expr: max(phase('phase!=""'), ...ID, 'phase') },
    {
      expr: `(time() - ${each(`modelship_rollout_phase_since_seconds{${MODELS}}`)}) and on (namespace, name) (${phase('phase!~"Completed|Aborted"')})`,
    },
    { expr: sum(named(requests), ...ID) },
    { expr: each(named(errorShare)) },
    { expr: each(named(p99)) },
    { expr: each(named(refusedShare)) },
    { expr: each(named(busy)) },
  ],
  fields: [
    { field: 'namespace', title: 'Namespace' },
    { field: 'name', title: 'ModelDeployment', link: LINK },
    { field: 'status', title: 'Ready', mapping: READY },
    { field: 'reason', title: 'Reason' },
    { field: 'phase', title: 'Rollout', mapping: PHASES },
    { field: 'Value #D', title: 'For', unit: 's' },
    { field: 'Value #E', title: 'Requests', unit: 'reqps' },
    {
      field: 'Value #F',
      title: 'Errors',
      unit: 'percentunit',
      thresholds: ['green', [0.001, 'orange'], [0.01, 'red']],
    },
    { field: 'Value #G', title: 'p99', unit: 's' },
    { field: 'Value #H', title: 'Refused', unit: 'percentunit', thresholds: ['green', [0.001, 'orange']] },
    { field: 'Value #I', title: 'Busy', unit: 'percentunit', thresholds: ['green', [0.7, 'orange'], [0.9, 'red']] },
    { field: 'Value #A', title: 'Weight', thresholds: ['green', [10, 'orange'], [500, 'red']] },
    { field: 'Value #B', hidden: true },
    { field: 'Value #C', hidden: true },
  ],
});

const totals: Panel[] = [
  stat({
    title: 'ModelDeployments',
    description:
      'How many the operator that leads looks after. Nothing here: does an operator lead, and is it scraped?',
    queries: [{ expr: `count(${each(condition('type="Ready"'))})`, instant: true }],
    noValue: 'none',
  }),
  stat({
    title: 'Not Ready',
    description: 'Those whose condition Ready is not True. The table names each with its reason.',
    queries: [{ expr: `count(${each(condition('type="Ready",status!="True"'))}) or vector(0)`, instant: true }],
    thresholds: ['green', [1, 'red']],
  }),
  stat({
    title: 'Rollouts under way',
    description: 'Rollouts that move, are held at a step, or wait for somebody.',
    queries: [{ expr: `count(${each(phase('phase=~"Progressing|Paused"'))}) or vector(0)`, instant: true }],
  }),
  stat({
    title: 'Stalled or rolled back',
    description: 'Nothing moves there until somebody decides: `blockedBy` of its status says what to do.',
    queries: [{ expr: `count(${each(condition('type="Stalled",status="True"'))}) or vector(0)`, instant: true }],
    thresholds: ['green', [1, 'orange']],
  }),
  stat({
    title: 'Requests',
    description: 'Inference requests of users answered per second, by all models.',
    queries: [{ expr: rate(`modelship_requests_total${RUNTIME}`) }],
    unit: 'reqps',
    noValue: 'no requests',
  }),
  stat({
    title: 'Errors',
    description:
      'Share of inference requests that a version answered with 5xx. Those of a canary that another version answered after all count here too.',
    queries: [
      {
        expr: share(
          rate(`modelship_requests_total{${MODELS},modelship_dev_model!="",code=~"5.."}`),
          rate(`modelship_requests_total${RUNTIME}`),
        ),
      },
    ],
    unit: 'percentunit',
    noValue: 'no requests',
    thresholds: ['green', [0.001, 'orange'], [0.01, 'red']],
  }),
];

const busiest: Row = {
  title: 'The ten greatest',
  panels: [
    graph({
      title: 'Requests',
      description: 'Inference requests of users answered per second, by ModelDeployment.',
      queries: [{ expr: `topk(10, ${requests})`, legend: SERIES }],
      unit: 'reqps',
      link: SERIES_LINK,
    }),
    graph({
      title: 'Share of errors',
      description: 'Share of inference requests answered with 5xx, by ModelDeployment.',
      queries: [{ expr: `topk(10, ${errorShare})`, legend: SERIES }],
      unit: 'percentunit',
      link: SERIES_LINK,
    }),
    graph({
      title: 'p99 latency',
      description: 'From the last byte of a request to its answer, by ModelDeployment.',
      queries: [{ expr: `topk(10, ${p99})`, legend: SERIES }],
      unit: 's',
      link: SERIES_LINK,
    }),
    graph({
      title: 'Refused',
      description:
        'Share of requests answered with 429 or 503 because no replica had room. Add replicas, or let it scale.',
      queries: [{ expr: `topk(10, ${refusedShare})`, legend: SERIES }],
      unit: 'percentunit',
      link: SERIES_LINK,
    }),
    graph({
      title: 'Busy',
      description:
        'Share of time that the threads which run the model spend in it. Near 1, requests wait for each other.',
      queries: [{ expr: `topk(10, ${busy})`, legend: SERIES }],
      unit: 'percentunit',
      link: SERIES_LINK,
    }),
    graph({
      title: 'Replicas that are missing',
      description: 'Replicas wanted and not ready, by ModelDeployment and version.',
      queries: [
        {
          expr: `topk(10, max by (namespace, name, version) (modelship_version_replicas{${MODELS},state="wanted"}) - max by (namespace, name, version) (modelship_version_replicas{${MODELS},state="ready"}))`,
          legend: '{{namespace}}/{{name}} {{version}}',
        },
      ],
      unit: 'short',
    }),
    graph({
      title: 'CPU',
      description: 'Cores in use by the replicas of a ModelDeployment, all processes of a replica together.',
      queries: [{ expr: `topk(10, ${rate(`process_cpu_seconds_total${RUNTIME}`, ...BY_MODEL)})`, legend: SERIES }],
      unit: 'cores',
      link: SERIES_LINK,
    }),
    graph({
      title: 'Memory',
      description: 'Resident memory of the replicas of a ModelDeployment, all processes of a replica together.',
      queries: [{ expr: `topk(10, ${sum(`process_resident_memory_bytes${RUNTIME}`, ...BY_MODEL)})`, legend: SERIES }],
      unit: 'bytes',
      link: SERIES_LINK,
    }),
    graph({
      title: 'GPU',
      description: 'Mean share of time that its GPUs were busy, by ModelDeployment; from DCGM.',
      queries: [
        {
          expr: `topk(10, avg by (namespace, modelship_dev_model) (${DCGM_UTILIZATION(RUNTIME)}))`,
          legend: SERIES,
        },
      ],
      unit: 'percent',
      needs: 'gpu',
      link: SERIES_LINK,
    }),
  ],
};

export const fleet: Dashboard = {
  uid: 'modelship-fleet',
  title: 'Modelship / Fleet',
  description: 'Which ModelDeployments need a look.',
  variables: [
    {
      name: 'namespace',
      label: 'Namespace',
      query: 'label_values(modelship_modeldeployment_condition, namespace)',
      multi: true,
    },
  ],
  annotations: [
    {
      name: 'Rolled back',
      // Without the pod that tells: another leader is no rollback.
      expr: `${each(phase('phase="RolledBack"'))} unless on (namespace, name) ${each(`modelship_rollout_phase{${MODELS},phase="RolledBack"} offset 1m == 1`)}`,
      title: 'Rolled back',
      text: '{{namespace}}/{{name}}',
      colour: 'red',
    },
  ],
  rows: [{ title: 'Now', panels: [...totals, worst] }, busiest],
};
