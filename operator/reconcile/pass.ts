/** One pass over one ModelDeployment: what it found out and did, and how it ends. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { Desired, Plan } from '../../core/model.ts';
import type { RolloutStatus } from '../../core/rollout/model.ts';
import type { ReportRead } from '../evidence/reports.ts';
import type { KubeError } from '../kube/error.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { RenderProblem } from '../render/input.ts';
import type { Acceptance } from './accept.ts';
import type { RunVersion } from './decide.ts';
import type { Gathered } from './gather.ts';
import type { ObjectProblem, RouteFacts } from './status/facts.ts';

/** Filled in as the pass goes on; the status is made of it. */
export interface Pass {
  gathered: Gathered;
  acceptance: Acceptance;
  warnings: RenderProblem[];
  /** Of what is not in the spec: told like warnings. */
  remarks: RenderProblem[];
  problems: ObjectProblem[];
  errors: KubeError[];
  versions: RunVersion[];
  reports: ReadonlyMap<string, ReportRead>;
  /** That a gateway is to follow. */
  routes: readonly RouteFacts[];
  /** Absent where nothing was ever accepted. */
  serving?: { table: TrafficTable; plan: Plan; inForce: boolean; door: string | undefined };
  /** Absent where nothing was ever accepted. */
  rollout?: {
    /** As it is stored, but for the numbers of checks. */
    state: RolloutStatus | undefined;
    /** What the walk waits for, in sentences. */
    waiting: readonly string[];
    /** What keeps a check from an answer, in sentences. */
    notes: readonly string[];
    /** What the planner was asked for. */
    goal?: Desired;
  };
  /** Something is left to be written, and waits for nothing but its turn: nothing is said yet. */
  halfway?: boolean;
  /** What was read is out of date: nothing was done, and nothing is said. */
  outdated?: boolean;
  /** ms until the next pass is due though nothing happens. */
  lookAgain: number[];
}

export function newPass(gathered: Gathered, acceptance: Acceptance): Pass {
  return {
    gathered,
    acceptance,
    warnings: [],
    remarks: [],
    problems: [],
    errors: [],
    versions: [],
    reports: new Map(),
    routes: [],
    lookAgain: [],
  };
}

/**
 * How long a pass that follows another lets those go first that have a new spec to take: where many come at once, their
 * addresses go before the Deployments of others, and these before the status of any, which then says more in fewer words.
 */
const FOLLOW_UP_PATIENCE_MS = 5_000;

/** Of a pass that follows another. A walk that is under way, or was taken back, may have traffic to move. */
export function patienceOf(rollout: Pick<RolloutStatus, 'phase'> | undefined): number {
  return rollout === undefined || rollout.phase === 'Completed' ? FOLLOW_UP_PATIENCE_MS : 0;
}

/** Less than that: what is new goes on before what is told. */
const HALFWAY_PATIENCE_MS = 2_000;

/** After a pass that was halfway. */
export function turnOf(rollout: Pick<RolloutStatus, 'phase'> | undefined): Outcome {
  return { kind: 'after', ms: 0, patienceMs: Math.min(HALFWAY_PATIENCE_MS, patienceOf(rollout)) };
}

/** How often what cannot be written is tried again though nothing changes: a quota or a webhook may let it in by then. */
const REFUSED_AGAIN_MS = 30_000;
/** How often it is asked whether a name is free by now: what is not labelled as ours is not watched. One read each. */
const TAKEN_AGAIN_MS = 5_000;

export function outcomeOf({ errors, problems, lookAgain, rollout }: Pass): Outcome {
  // What is refused is refused again: it must not hold up what else is due.
  if (errors.some(mayPass)) return retry(errors);
  const taken = problems.some(({ reason }) => reason === 'NameTaken');
  if (problems.length > 0 || errors.length > 0) lookAgain.push(taken ? TAKEN_AGAIN_MS : REFUSED_AGAIN_MS);
  if (lookAgain.length === 0) return { kind: 'done' };
  const ms = Math.min(...lookAgain);
  // At once: for a new spec, which came while this pass was at work.
  return { kind: 'after', ms, patienceMs: ms > 0 ? patienceOf(rollout?.state) : 0 };
}

function mayPass({ code, transient }: KubeError): boolean {
  return transient || code === 'NotLeader' || code === 'NamespaceTerminating';
}

export function retry(errors: readonly KubeError[]): Outcome {
  if (errors.some(({ code }) => code === 'NamespaceTerminating')) {
    return { kind: 'terminal', reason: 'the namespace is being deleted' };
  }
  // `NotLeader` comes of a clock that jumped, too, and then the same process leads on; else the queue is closed soon.
  const afterMs = Math.max(
    ...errors.map(
      ({ code, retryAfterMs, transient }) => retryAfterMs ?? (transient || code === 'NotLeader' ? 0 : REFUSED_AGAIN_MS),
    ),
  );
  return { kind: 'retry', reason: errors.map(({ message }) => message).join('; '), afterMs };
}
