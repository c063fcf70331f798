/**
 * The five conditions, always all there. As kstatus reads them: Reconciling and Stalled are true when something is not as
 * usual, and exactly one of Ready, Reconciling and Stalled is True.
 */
import { CONDITION_TYPES, type Condition } from '../../../api/status.ts';
import { type Cause, tell } from './causes.ts';
import type { StatusFacts } from './facts.ts';
import type { Reason } from './reasons.ts';
import { cut, oneLine } from './words.ts';

/** What a condition says; when it began to is the transition's business. */
export interface Said {
  holds: boolean;
  reason: Reason;
  message: string;
}

export type Verdict = Record<Condition['type'], Said>;

/** @param ready what Ready says when nothing is the matter */
export function verdictOf(facts: StatusFacts, causes: readonly Cause[], available: Said, ready: string): Verdict {
  const [first] = causes;
  const lasting = causes.filter((cause) => cause.lasting);
  const [stuck] = lasting;
  const all = tell(causes);
  const says = (holds: boolean, reason: Reason, message: string): Said => ({ holds, reason, message });
  return {
    Accepted: acceptedOf(facts, first),
    Available: available,
    Ready: first ? says(false, first.reason, all) : says(true, 'Ready', ready),
    Reconciling: stuck
      ? says(false, 'Stalled', 'waiting alone will not help; see Stalled')
      : first
        ? says(true, first.reason, all)
        : says(false, 'Ready', 'nothing is left to do'),
    Stalled: stuck
      ? says(true, stuck.reason, tell(lasting))
      : says(false, first ? 'Progressing' : 'Ready', first ? 'work goes on' : 'nothing is stuck'),
  };
}

function acceptedOf({ acceptance, warnings }: StatusFacts, first: Cause | undefined): Said {
  // The refusal is the first of all causes.
  if (!acceptance.ok) return { holds: false, reason: first?.reason ?? 'InvalidSpec', message: first?.message ?? '' };
  if (warnings.length === 0) return { holds: true, reason: 'Accepted', message: 'the spec was taken' };
  const told = warnings.map(({ message }) => oneLine(message)).join('; ');
  return { holds: true, reason: 'AcceptedWithWarnings', message: `the spec was taken, but ${told}` };
}

/** The transition time moves only when `status` flips; the generation is always stamped. */
export function conditionsOf(verdict: Verdict, { generation, now, previous }: StatusFacts): Condition[] {
  return CONDITION_TYPES.map((type): Condition => {
    const { holds, reason, message } = verdict[type];
    const status = holds ? 'True' : 'False';
    const before = conditionIn(previous?.conditions, type);
    return {
      type,
      status,
      reason,
      message: cut(message, 4_096),
      observedGeneration: generation,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    };
  });
}

export function conditionIn(
  conditions: readonly Condition[] | undefined,
  type: Condition['type'],
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
