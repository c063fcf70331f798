/** What a ModelDeployment runs on, and what it costs. */
import { graph, type Panel, type Row, table } from './panel.ts';
import { max, rate, sum } from './promql.ts';
import { DCGM_MEMORY, DCGM_POWER, DCGM_TEMPERATURE, DCGM_UTILIZATION, ofModel, POD, VERSION } from './words.ts';

const OWN = 'modelship_dev_version';
const replicas = (state: string): string =>
  max(`modelship_version_replicas${ofModel(`version=~"$version",state="${state}"`)}`, 'version');

const pods: Panel[] = [
  graph({
    title: 'Replicas, wanted and ready',
    description:
      'Wanted (dashed) by the operator or the autoscaler, and ready. `blockedBy` of the status names what is missing.',
    queries: [
      { expr: replicas('wanted'), legend: '{{version}} wanted' },
      { expr: replicas('ready'), legend: '{{version}} ready' },
    ],
    decimals: 0,
    fields: [{ field: '/ wanted$/', dashed: true }],
  }),
  graph({
    title: 'Restarts',
    description:
      'Containers that came up anew, and processes of a replica that died and were started again by its head. Why, says the status and the log of the container before.',
    queries: [
      {
        expr: `sum by (${OWN}) (changes(process_start_time_seconds${POD}[$__rate_interval]))`,
        legend: `${VERSION} container`,
      },
      {
        expr: `sum by (${OWN}) (increase(modelship_process_restarts_total${POD}[$__rate_interval]))`,
        legend: `${VERSION} process`,
      },
    ],
  }),
  graph({
    title: 'Revision of the traffic table',
    description:
      'Least and greatest revision in force. Two lines apart for long: a pod does not get its table, or refuses it.',
    queries: [
      { expr: `min(modelship_traffic_table_revision${POD})`, legend: 'least' },
      { expr: `max(modelship_traffic_table_revision${POD})`, legend: 'greatest' },
      { expr: `${sum(`modelship_traffic_tables_refused_total${POD}`)}`, legend: 'refused so far' },
    ],
    decimals: 0,
  }),
  graph({
    title: 'CPU',
    description: 'Cores in use by each replica, all its processes together.',
    queries: [{ expr: rate(`process_cpu_seconds_total${POD}`, OWN, 'pod'), legend: `${VERSION} {{pod}}` }],
    unit: 'cores',
  }),
  graph({
    title: 'Memory',
    description: 'Resident memory of each replica, all its processes together.',
    queries: [{ expr: sum(`process_resident_memory_bytes${POD}`, OWN, 'pod'), legend: `${VERSION} {{pod}}` }],
    unit: 'bytes',
  }),
  graph({
    title: 'Event loop lag',
    description:
      'p99 of the delay of the thread that serves, the worst replica of a version. Above 50 ms, probes and forwards suffer too.',
    queries: [{ expr: max(`nodejs_eventloop_lag_p99_seconds${POD}`, OWN), legend: VERSION }],
    unit: 's',
  }),
  table({
    title: 'What runs where',
    description: 'Each replica with its model and how it runs it. All replicas of a version should say the same.',
    queries: [
      { expr: max(`modelship_info${POD}`, 'pod', OWN, 'runtime', 'digest') },
      { expr: max(`modelship_execution_info${POD}`, 'pod', 'place', 'providers', 'threads', 'optimized') },
      { expr: sum(`modelship_processes${POD}`, 'pod') },
    ],
    height: 8,
    fields: [
      { field: 'pod', title: 'Pod' },
      { field: OWN, title: 'Version' },
      { field: 'runtime', title: 'Runtime' },
      { field: 'digest', title: 'Digest of the model' },
      { field: 'place', title: 'Runs on' },
      { field: 'providers', title: 'Providers' },
      { field: 'threads', title: 'Threads' },
      { field: 'optimized', title: 'Optimised' },
      { field: 'Value #C', title: 'Processes' },
      { field: 'Value #A', hidden: true },
      { field: 'Value #B', hidden: true },
    ],
  }),
];

const GPU = `${VERSION} {{pod}} {{gpu}}`;
const gpus: Panel[] = [
  graph({
    title: 'GPU in use (DCGM)',
    description: 'Share of time that the GPU of a replica was busy. Of a shared GPU: by whomever.',
    queries: [{ expr: DCGM_UTILIZATION(POD), legend: GPU }],
    unit: 'percent',
    max: 100,
    needs: 'gpu',
  }),
  graph({
    title: 'GPU memory (DCGM)',
    description: 'Memory of the GPU in use.',
    queries: [{ expr: DCGM_MEMORY(POD), legend: GPU }],
    unit: 'bytes',
    needs: 'gpu',
  }),
  graph({
    title: 'GPU power (DCGM)',
    description: 'Power draw of the GPU. Flat at the top with falling clocks: it is throttled.',
    queries: [{ expr: DCGM_POWER(POD), legend: GPU }],
    unit: 'watt',
    needs: 'gpu',
  }),
  graph({
    title: 'GPU temperature (DCGM)',
    description: 'Temperature of the GPU.',
    queries: [{ expr: DCGM_TEMPERATURE(POD), legend: GPU }],
    unit: 'celsius',
    needs: 'gpu',
  }),
  graph({
    title: 'GPU in use (runtime)',
    description: 'The same as the runtime asks the driver for it, where there is no DCGM.',
    queries: [{ expr: max(`modelship_gpu_utilization_ratio${POD}`, OWN, 'pod', 'gpu'), legend: GPU }],
    unit: 'percentunit',
    max: 1,
    needs: 'gpu',
  }),
  graph({
    title: 'GPU memory (runtime)',
    description: 'Memory of the GPU in use and there is (dashed), as the runtime asks the driver for it.',
    queries: [
      { expr: max(`modelship_gpu_memory_used_bytes${POD}`, OWN, 'pod', 'gpu'), legend: GPU },
      { expr: max(`modelship_gpu_memory_total_bytes${POD}`, OWN, 'pod', 'gpu'), legend: `${GPU} there is` },
    ],
    unit: 'bytes',
    fields: [{ field: '/ there is$/', dashed: true }],
    needs: 'gpu',
  }),
];

export const resources: readonly Row[] = [
  { title: 'Replicas', panels: pods },
  { title: 'GPU', panels: gpus, collapsed: true },
];
