/**
 * What Prometheus sees of rollouts, read from the cache of ModelDeployments when it is scraped: what is gone has no series.
 * Only the leader tells, or each ModelDeployment would have two.
 */
import { Gauge, type Registry } from 'prom-client';
import { ROLLOUT_PHASES, type RolloutStatus } from '../api/status.ts';
import type { StoredModelDeployment } from './reconcile/stored.ts';

/** ModelDeployments that are told of; those whose rollout is under way come first. */
const MOST_MODELS = 1_000;
const VERDICTS = ['Pass', 'Fail', 'Inconclusive'] as const;

type Told = [StoredModelDeployment, RolloutStatus];

/** @param models of the leader; none where this process does not lead */
export function rolloutMetrics(registry: Registry, models: () => readonly StoredModelDeployment[]): void {
  const labels = ({ metadata }: StoredModelDeployment) => ({
    namespace: metadata.namespace ?? '',
    name: metadata.name,
  });
  const each = <T extends string>(name: string, help: string, more: T[], tell: Tell<T>) =>
    new Gauge<string>({
      name,
      help,
      labelNames: ['namespace', 'name', ...more],
      registers: [registry],
      collect() {
        this.reset();
        for (const [model, state] of told(models())) {
          tell(state, (value, values) => this.set({ ...labels(model), ...values }, value));
        }
      },
    });
  each(
    'modelship_rollout_phase',
    '1 for the phase that the rollout of a ModelDeployment is in, else 0.',
    ['phase'],
    (state, set) => {
      for (const phase of ROLLOUT_PHASES) set(state.phase === phase ? 1 : 0, { phase });
    },
  );
  each(
    'modelship_rollout_step',
    'Index of the step that a rollout is at, from 0; the number of steps at its end.',
    [],
    (state, set) => set(state.step, {}),
  );
  each('modelship_rollout_steps', 'Number of steps of a rollout.', [], (state, set) => set(state.steps, {}));
  each(
    'modelship_rollout_check',
    '1 for the verdict of a check at its last look, else 0.',
    ['check', 'verdict'],
    (state, set) => {
      for (const { name, verdict: given } of state.checks ?? []) {
        for (const verdict of VERDICTS) set(given === verdict ? 1 : 0, { check: name, verdict });
      }
    },
  );
}

type Tell<T extends string> = (state: RolloutStatus, set: (value: number, labels: Record<T, string>) => void) => void;

function told(models: readonly StoredModelDeployment[]): Told[] {
  const walked = models.flatMap((model): Told[] => (model.status?.rollout ? [[model, model.status.rollout]] : []));
  const rank = ([, { phase }]: Told): number => ROLLOUT_PHASES.indexOf(phase);
  return walked.length <= MOST_MODELS ? walked : walked.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST_MODELS);
}
