/** How a ModelDeployment stands and where its rollout is. */
import { graph, type Panel, type Row, stat, table, timeline } from './panel.ts';
import { max, rate, share } from './promql.ts';
import { OF_MODEL, ofModel, onVersion } from './words.ts';

const percent = (state: string): string =>
  max(`modelship_version_traffic_percent${ofModel(`version=~"$version",state="${state}"`)}`, 'version');
const routed = (selector: string, ...by: string[]): string => rate(`modelship_routed_requests_total${selector}`, ...by);
const verdict = (is: string): string => max(`modelship_rollout_check${ofModel(`verdict="${is}"`)}`, 'check');
const mirrored = (result: string): string =>
  rate(`modelship_mirrored_requests_total${onVersion(`result=~"${result}"`)}`, 'version');

const now: Panel[] = [
  table({
    title: 'Conditions',
    description:
      'As in its status. Ready=False or Stalled=True name a reason: `kubectl describe modeldeployment` has the sentence that goes with it, and docs/reference/status.md what to do.',
    queries: [{ expr: max(`modelship_modeldeployment_condition${OF_MODEL}`, 'type', 'status', 'reason') }],
    width: 8,
    height: 8,
    fields: [
      { field: 'type', title: 'Condition' },
      { field: 'status', title: 'Status' },
      { field: 'reason', title: 'Reason' },
      { field: 'Value', hidden: true },
    ],
  }),
  stat({
    title: 'Ready',
    description: 'The condition Ready. It never hides a version that fails.',
    queries: [
      {
        expr: max(`modelship_modeldeployment_condition${ofModel('type="Ready"')}`, 'status'),
        legend: '{{status}}',
        instant: true,
      },
    ],
    names: true,
  }),
  stat({
    title: 'Rollout',
    description: 'The phase of its last rollout. Paused waits for somebody; RolledBack took a version back.',
    queries: [{ expr: max(`modelship_rollout_phase${OF_MODEL} == 1`, 'phase'), legend: '{{phase}}', instant: true }],
    names: true,
    noValue: 'none',
  }),
  stat({
    title: 'At this step since',
    description:
      'Time since it last got on: its step was decided, came into force or was resumed, or it came to a halt.',
    queries: [{ expr: `time() - max(modelship_rollout_phase_since_seconds${OF_MODEL})`, instant: true }],
    unit: 's',
    noValue: 'none',
  }),
  stat({
    title: 'Step',
    description: 'Steps that were taken, of how many.',
    queries: [
      { expr: `max(modelship_rollout_step${OF_MODEL})`, legend: 'taken', instant: true },
      { expr: `max(modelship_rollout_steps${OF_MODEL})`, legend: 'of', instant: true },
    ],
    noValue: 'none',
  }),
];

const states: Panel[] = [
  timeline({
    title: 'Phase of the rollout',
    description: 'One line a phase, drawn while the rollout is in it.',
    queries: [{ expr: max(`modelship_rollout_phase${OF_MODEL} == 1`, 'phase'), legend: '{{phase}}' }],
    mapping: { '1': ['yes', 'blue'] },
    width: 16,
    height: 4,
    noValue: 'none',
  }),
  graph({
    title: 'Share of requests, wanted and observed',
    description:
      'Percent of requests of each version: wanted by the operator (dashed), in force as the pods report it, and measured, as the pods drew versions for requests or were asked for one by name. Reports are read while something moves only.',
    queries: [
      { expr: percent('wanted'), legend: '{{version}} wanted' },
      { expr: percent('observed'), legend: '{{version}} in force' },
      {
        expr: `100 * ${routed(onVersion(), 'version')} / on () group_left () (${routed('{namespace="$namespace",modelship_dev_model="$modeldeployment"}')} > 0)`,
        legend: '{{version}} measured',
      },
    ],
    unit: 'percent',
    max: 100,
    width: 12,
    fields: [{ field: '/ wanted$/', dashed: true }],
  }),
  timeline({
    title: 'Verdicts of the checks',
    description: 'What each check of the rollout said at its last look. The message of Ready has the numbers.',
    queries: [
      { expr: `${verdict('Pass')} + 2 * ${verdict('Inconclusive')} + 3 * ${verdict('Fail')}`, legend: '{{check}}' },
    ],
    mapping: { '1': ['Pass', 'green'], '2': ['Inconclusive', 'orange'], '3': ['Fail', 'red'] },
    noValue: 'no checks',
  }),
];

const comparison: Panel[] = [
  graph({
    title: 'Copies',
    description:
      'Requests copied to a shadow or mirrored version per second, by what came of it. Dropped: there was no room, the share that is compared is smaller than asked for.',
    queries: [
      {
        expr: rate(`modelship_mirrored_requests_total${onVersion()}`, 'version', 'result'),
        legend: '{{version}} {{result}}',
      },
    ],
    unit: 'reqps',
    stacked: true,
  }),
  graph({
    title: 'Disagreement',
    description: 'Share of compared requests to which the version answered otherwise than the one that users heard.',
    queries: [{ expr: share(mirrored('different'), mirrored('same|different')), legend: '{{version}}' }],
    unit: 'percentunit',
    noValue: 'nothing is compared',
  }),
  graph({
    title: 'Shielded requests and failed forwards',
    description:
      'Requests drawn for a version that another one answered in its place, by reason, and forwards that failed. Users saw an answer; the version is at fault.',
    queries: [
      {
        expr: `${rate(`modelship_shielded_requests_total${onVersion()}`, 'version', 'reason')}`,
        legend: '{{version}} {{reason}}',
      },
      { expr: rate(`modelship_forward_failures_total${onVersion()}`, 'version'), legend: '{{version}} forward failed' },
    ],
    unit: 'reqps',
  }),
];

export const rollout: Row = {
  title: 'State and rollout',
  panels: [...now, ...states, ...comparison],
};
