/** Why a version does not come up. */
import { FAILURE_REASONS, type FailureReason } from './reasons.ts';

export interface Failure {
  reason: FailureReason;
  /** The runtime's own code where it left one, else `reason`. */
  code: string;
  /** One line that names the pod. */
  message: string;
  /** Whether waiting alone will not help. */
  lasting: boolean;
  pod?: string;
  /** Left out for the runtime's. */
  container?: string;
}

const ORDER = Object.keys(FAILURE_REASONS);

/** The one to look at first: what lasts before what may pass, then in the order of the catalogue, then the first given. */
export function foremost(failures: readonly Failure[]): Failure | undefined {
  const rank = ({ lasting, reason }: Failure): number => (lasting ? 0 : ORDER.length) + ORDER.indexOf(reason);
  return failures.toSorted((a, b) => rank(a) - rank(b))[0];
}
