/**
 * What Prometheus sees of each ModelDeployment, read from the cache when it is scraped: what is gone has no series.
 * Only the leader tells, or each ModelDeployment would have two.
 */
import { Gauge, type Registry } from 'prom-client';
import { type Condition, ROLLOUT_PHASES, type RolloutStatus, type Status } from '../api/status.ts';
import type { StoredModelDeployment } from './reconcile/stored.ts';

/** ModelDeployments that are told of; see `rank` for which. */
const MOST_MODELS = 1_000;
/** Versions that are told of, of all ModelDeployments together. One can have 64. */
const MOST_VERSIONS = 5_000;
const VERDICTS = ['Pass', 'Fail', 'Inconclusive'] as const;

type Tell = (status: Status, set: (value: number, labels?: Record<string, string>) => void) => void;
type Describe = (name: string, help: string, more: string[], tell: Tell) => void;

/** @param models of the leader; none where this process does not lead */
export function modelMetrics(registry: Registry, models: () => readonly StoredModelDeployment[]): void {
  const each: Describe = (name, help, more, tell) =>
    new Gauge<string>({
      name,
      help,
      labelNames: ['namespace', 'name', ...more],
      registers: [registry],
      collect() {
        this.reset();
        for (const { metadata, status } of told(models())) {
          const labels = { namespace: metadata.namespace ?? '', name: metadata.name };
          if (status) tell(status, (value, values) => this.set({ ...labels, ...values }, value));
        }
      },
    });
  describeState(each);
  describeRollout(each);
}

function describeState(each: Describe): void {
  each(
    'modelship_modeldeployment_condition',
    'Always 1; the labels say how each condition of a ModelDeployment stands, and why.',
    ['type', 'status', 'reason'],
    ({ conditions = [] }, set) => {
      for (const { type, status, reason } of conditions) set(1, { type, status, reason });
    },
  );
  each(
    'modelship_modeldeployment_served',
    '1 once a ModelDeployment has served, whatever became of it; 0 until then.',
    [],
    ({ traffic }, set) => set(traffic === undefined ? 0 : 1),
  );
  each(
    'modelship_version_replicas',
    'Replicas of a version: wanted and ready.',
    ['version', 'state'],
    ({ versions = [] }, set) => {
      for (const { name: version, replicas, readyReplicas } of versions) {
        if (replicas !== undefined) set(replicas, { version, state: 'wanted' });
        if (readyReplicas !== undefined) set(readyReplicas, { version, state: 'ready' });
      }
    },
  );
  each(
    'modelship_version_traffic_percent',
    "Share of requests of a version: wanted now, and observed in the pods' reports, where they say it.",
    ['version', 'state'],
    ({ versions = [] }, set) => {
      for (const { name: version, traffic, trafficInForce } of versions) {
        if (traffic !== undefined) set(traffic, { version, state: 'wanted' });
        if (trafficInForce !== undefined) set(trafficInForce, { version, state: 'observed' });
      }
    },
  );
}

function describeRollout(each: Describe): void {
  const ofRollout = (name: string, help: string, read: (rollout: RolloutStatus, status: Status) => number) =>
    each(name, help, [], (status, set) => {
      const value = status.rollout && read(status.rollout, status);
      if (value !== undefined && Number.isFinite(value)) set(value);
    });
  each(
    'modelship_rollout_phase',
    '1 for the phase that the rollout of a ModelDeployment is in, else 0.',
    ['phase'],
    ({ rollout }, set) => {
      if (rollout) for (const phase of ROLLOUT_PHASES) set(rollout.phase === phase ? 1 : 0, { phase });
    },
  );
  ofRollout(
    'modelship_rollout_phase_since_seconds',
    'Unix time at which a rollout last got on: its step was decided, came into force or was resumed, or it came to a halt.',
    sinceSeconds,
  );
  ofRollout(
    'modelship_rollout_step',
    'Index of the step that a rollout is at, from 0; the number of steps at its end.',
    ({ step }) => step,
  );
  ofRollout('modelship_rollout_steps', 'Number of steps of a rollout.', ({ steps }) => steps);
  each(
    'modelship_rollout_check',
    '1 for the verdict of a check at its last look, else 0.',
    ['check', 'verdict'],
    ({ rollout }, set) => {
      for (const { name, verdict: given } of rollout?.checks ?? []) {
        for (const verdict of VERDICTS) set(given === verdict ? 1 : 0, { check: name, verdict });
      }
    },
  );
}

/**
 * The latest of when its step was decided, when it came into force (anew, when it is resumed), and, for a pause and a
 * rollback, which are no step, the time of the condition that names them. NaN where the status has none.
 */
function sinceSeconds({ phase, movedAt, since }: RolloutStatus, { conditions = [] }: Status): number {
  const halted = phase === 'Progressing' ? undefined : conditions.find(isStalled);
  const times = [movedAt, since, halted?.lastTransitionTime].filter((time) => time !== undefined);
  return Math.max(...times.map((time) => Date.parse(time))) / 1_000;
}

const isStalled = ({ type, status }: Condition): boolean => type === 'Stalled' && status === 'True';

function told(models: readonly StoredModelDeployment[]): readonly StoredModelDeployment[] {
  const versionsOf = ({ status }: StoredModelDeployment): number => status?.versions?.length ?? 0;
  let versions = models.reduce((sum, model) => sum + versionsOf(model), 0);
  if (models.length <= MOST_MODELS && versions <= MOST_VERSIONS) return models;
  versions = 0;
  return models
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, MOST_MODELS)
    .filter((model) => {
      versions += versionsOf(model);
      return versions <= MOST_VERSIONS;
    });
}

/** Least first: a rollout under way, then what is not Ready, then what was walked, then the rest. */
function rank({ status }: StoredModelDeployment): number {
  const phase = status?.rollout?.phase;
  if (phase === 'Progressing' || phase === 'Paused') return 0;
  if (status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True') return 1;
  return phase === undefined ? 3 : 2;
}
