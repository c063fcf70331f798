/** Rollouts that need somebody. */
import { asking, askingAll, type Group, MODEL, NAMED, told } from './rule.ts';
import { LONGEST_STEP } from './settings.ts';

const OF = ['namespace', 'name'] as const;
const phase = (is: string): string => told(MODEL, `modelship_rollout_phase{phase="${is}"}`);
const SINCE = 'modelship_rollout_phase_since_seconds';

const step = asking('modelship_rollout_step{namespace=%q, name=%q} + 1', OF, '{{ .Value }}', '?');
const steps = asking('modelship_rollout_steps{namespace=%q, name=%q}', OF, '{{ .Value }}', '?');
const since = asking(`${SINCE}{namespace=%q, name=%q}`, OF, '{{ .Value | humanizeTimestamp }}', 'an unknown time');
const checks = (verdict: string, otherwise: string): string =>
  askingAll(
    `max by (check) (modelship_rollout_check{namespace=%q, name=%q, verdict="${verdict}"}) == 1`,
    OF,
    '{{ .Labels.check }}',
    otherwise,
  );

export const ROLLOUTS: Group = {
  name: 'modelship.rollouts',
  alerts: [
    {
      alert: 'RolloutStuck',
      expr: `(
  time() - ${told(MODEL, SINCE)}
  and on (${MODEL})
  ${phase('Progressing')} == 1
)
> scalar(${LONGEST_STEP})`,
      for: '2m',
      keepFiringFor: '2m',
      severity: 'warning',
      summary: `${NAMED}: its rollout has stood still for {{ $value | humanizeDuration }}`,
      description: `The rollout of ModelDeployment ${NAMED} has been at step ${step} of ${steps} for {{ $value | humanizeDuration }}, and waits for nobody. Checks without an answer:${checks('Inconclusive', 'none')} see modelship rollout status.`,
    },
    {
      alert: 'RolloutRolledBack',
      expr: `${phase('RolledBack')} == 1`,
      keepFiringFor: '2m',
      severity: 'warning',
      summary: `${NAMED}: its rollout was rolled back`,
      description: `The rollout of ModelDeployment ${NAMED} was taken back at step ${step} of ${steps}; what was served before is served. Checks that failed:${checks('Fail', 'none, the version failed itself')} see modelship rollout status.`,
    },
    {
      alert: 'RolloutWaitsForApproval',
      expr: `${phase('Paused')} == 1`,
      for: '5m',
      keepFiringFor: '2m',
      severity: 'info',
      summary: `${NAMED}: its rollout waits for a decision`,
      description: `The rollout of ModelDeployment ${NAMED} has been paused at step ${step} of ${steps} since ${since}, and stays so until somebody approves, resumes, promotes or aborts it. Checks that failed:${checks('Fail', 'none')} see modelship rollout status.`,
    },
  ],
};
