/** What is shown of a rollout, wherever it runs. Types, and the small questions that all commands ask of it. */
import type { Rollout } from '../../api/rollout.ts';
import type { RolloutStatus } from '../../api/status.ts';

export interface RolloutView {
  /** The ModelDeployment. */
  name: string;
  /** Undefined where nothing was ever walked. */
  rollout?: RolloutStatus | undefined;
  /** The walk as the spec has it now; undefined where it has none or where that is not known. */
  spec?: Rollout | undefined;
  versions: VersionShare[];
  /** What is waited for, in sentences. */
  waiting: string[];
  /** Whether this speaks of an earlier spec: what is said of the rollout is then of the one before. */
  stale?: boolean | undefined;
  /** Why nothing will change any more, such as a run that has ended. */
  gone?: string | undefined;
}

export interface VersionShare {
  name: string;
  phase: string;
  /** Percent. */
  wanted?: number | undefined;
  /** Percent: in force as the pods report it; on a laptop, of the answers of the last seconds. */
  seen?: number | undefined;
  ready?: number | undefined;
  replicas?: number | undefined;
  failure?: string | undefined;
}

/** How a walk ended; undefined while it goes on. */
export function endOf(rollout: RolloutStatus): 'Completed' | 'RolledBack' | 'Aborted' | undefined {
  const { phase } = rollout;
  return phase === 'Progressing' || phase === 'Paused' ? undefined : phase;
}
