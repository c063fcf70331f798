/** What the operator says of ModelDeployments, and how loaded their pods are. */
import { type Alert, asking, askingAll, type Group, MODEL, NAMED, named, told, VERSION } from './rule.ts';
import { LONGEST_QUEUE, SLOWEST } from './settings.ts';

/** Reasons that have alerts of their own, or none: a rollout of hours is not Ready all that time. */
const OF_ROLLOUTS = 'RolloutProgressing|RolloutPaused|RolledBack|RolloutAborted';

const CONDITION = 'modelship_modeldeployment_condition';

/** Why a condition stands as it does. */
const reason = (type: string): string =>
  asking(
    `${CONDITION}{namespace=%q, name=%q, type="${type}"}`,
    ['namespace', 'name'],
    '{{ .Labels.reason }}',
    'not known',
  );

const versionNumber = (metric: string, state: string, otherwise: string): string =>
  asking(
    `${metric}{namespace=%q, name=%q, version=%q, state="${state}"}`,
    ['namespace', 'name', 'version'],
    '{{ .Value }}',
    otherwise,
  );

const wantedShare = told(VERSION, 'modelship_version_traffic_percent{state="wanted"}');
const observedShare = told(VERSION, 'modelship_version_traffic_percent{state="observed"}');

const MODEL_DEPLOYMENTS: readonly Alert[] = [
  {
    alert: 'ModelDeploymentUnavailable',
    // Of one that never served, nobody is waked: ModelDeploymentNotReady tells of it.
    expr: `${told(MODEL, `${CONDITION}{type="Available", status!="True"}`)}
and on (${MODEL})
${told(MODEL, 'modelship_modeldeployment_served')} == 1`,
    for: '2m',
    keepFiringFor: '2m',
    severity: 'critical',
    summary: `${NAMED}: nobody answers its requests`,
    description: `No version of ModelDeployment ${NAMED} that takes traffic has a ready replica. Ready says: ${reason('Ready')}. Replicas ready:${askingAll(
      'max by (version) (modelship_version_replicas{namespace=%q, name=%q, state="ready"})',
      ['namespace', 'name'],
      '{{ .Labels.version }} {{ .Value }}',
      'not known',
    )} see modelship describe.`,
  },
  {
    alert: 'ModelDeploymentNotReady',
    expr: told(MODEL, `${CONDITION}{type="Ready", status!="True", reason!~"${OF_ROLLOUTS}"}`),
    for: '15m',
    keepFiringFor: '2m',
    severity: 'warning',
    summary: `${NAMED} has not been ready for 15 minutes`,
    description: `ModelDeployment ${NAMED} is not as its spec asks for: ${reason('Ready')}. Available: ${reason('Available')}.`,
  },
  {
    alert: 'ReplicasMissing',
    expr: `${told(VERSION, 'modelship_version_replicas{state="wanted"}')}
- on (${VERSION})
${told(VERSION, 'modelship_version_replicas{state="ready"}')}
> 0`,
    for: '10m',
    keepFiringFor: '2m',
    severity: 'warning',
    summary: `${NAMED}: version {{ $labels.version }} lacks {{ $value }} of its replicas`,
    description: `Version {{ $labels.version }} of ModelDeployment ${NAMED} has had fewer ready replicas than it wants for 10 minutes: ${versionNumber('modelship_version_replicas', 'ready', '?')} of ${versionNumber('modelship_version_replicas', 'wanted', '?')}.`,
  },
  {
    alert: 'TrafficNotFollowed',
    // Not known is not followed, but where nobody is ready nobody can follow.
    expr: `abs(${wantedShare} - on (${VERSION}) ${observedShare}) > 0.01
or
(
  (${wantedShare} > 0 unless on (${VERSION}) ${observedShare})
  and on (${MODEL})
  ${told(MODEL, `${CONDITION}{type="Available", status="True"}`)}
)`,
    for: '5m',
    keepFiringFor: '2m',
    severity: 'warning',
    summary: `${NAMED}: the pods do not follow the share of version {{ $labels.version }}`,
    description: `Version {{ $labels.version }} of ModelDeployment ${NAMED} is to get ${versionNumber('modelship_version_traffic_percent', 'wanted', '?')} % of the requests; the pods report ${versionNumber('modelship_version_traffic_percent', 'observed', 'nothing that is known')}.`,
  },
];

const ANSWERS = 'modelship_requests_total';
const VERSION_LABEL = ', version';
const rejected = named(`rate(${ANSWERS}{code=~"429|503|504"}[5m])`, VERSION_LABEL);
const answered = named(`rate(${ANSWERS}{code!="499"}[5m])`, VERSION_LABEL);
const quantile = (q: number, histogram: string): string =>
  `histogram_quantile(${q}, ${named(`rate(${histogram}_bucket[5m])`, `${VERSION_LABEL}, le`)})`;

const waiting = asking(
  'sum(modelship_queue_requests * on (namespace, job, instance) group_left () max by (namespace, job, instance) (modelship_info{namespace=%q, model=%q, version=%q}))',
  ['namespace', 'name', 'version'],
  '{{ .Value }}',
  'an unknown number of',
);

const LOAD: readonly Alert[] = [
  {
    alert: 'ModelDeploymentSaturated',
    expr: `${rejected}
/ on (${VERSION})
${answered}
> 0.01`,
    for: '10m',
    severity: 'warning',
    summary: `${NAMED}: version {{ $labels.version }} turns {{ $value | humanizePercentage }} of its requests away`,
    description: `Version {{ $labels.version }} of ModelDeployment ${NAMED} answers {{ $value | humanizePercentage }} of its requests with 503 (queue full, not ready) or 504 (waited too long); ${waiting} requests wait now.`,
  },
  {
    alert: 'QueueTimeHigh',
    expr: `${quantile(0.95, 'modelship_queue_duration_seconds')} > scalar(${LONGEST_QUEUE})`,
    for: '10m',
    severity: 'warning',
    summary: `${NAMED}: requests to version {{ $labels.version }} wait {{ $value | humanizeDuration }} for their turn`,
    description: `One request in 20 to version {{ $labels.version }} of ModelDeployment ${NAMED} waits {{ $value | humanizeDuration }} or longer before the model runs; ${waiting} requests wait now.`,
  },
  {
    alert: 'ModelDeploymentSlow',
    expr: `${quantile(0.99, 'modelship_request_duration_seconds')} > scalar(${SLOWEST})`,
    for: '10m',
    severity: 'warning',
    summary: `${NAMED}: version {{ $labels.version }} takes {{ $value | humanizeDuration }} (p99)`,
    description: `One request in 100 to version {{ $labels.version }} of ModelDeployment ${NAMED} takes {{ $value | humanizeDuration }} or longer; ${asking(SLOWEST, [], '{{ .Value | humanizeDuration }}', 'another time')} was agreed on.`,
  },
];

export const MODELS: readonly Group[] = [
  { name: 'modelship.modeldeployments', alerts: MODEL_DEPLOYMENTS },
  { name: 'modelship.load', alerts: LOAD },
];
