/** Why not all is as it is asked for: the causes, the one to look at first in front. */
import { stepFor, stepForFailure } from './blocked-by.ts';
import type { ObjectProblem, StatusFacts } from './facts.ts';
import { acceptanceReason, objectReason, type Reason } from './reasons.ts';
import { rolloutCauses } from './rollout.ts';
import { routeCauses } from './routes.ts';
import { progressOf, type VersionView } from './version-status.ts';
import { cut, oneLine } from './words.ts';

export interface Cause {
  reason: Reason;
  /** One line. */
  message: string;
  /** Whether waiting alone will not help. */
  lasting: boolean;
  /** The next thing to do. */
  next: string;
}

/** No more than this is said of one cause where several are told. */
const CAUSE_LENGTH = 2_048;

/** Empty exactly when all is as asked for. Versions that are leaving hold nothing up. */
export function causesOf(facts: StatusFacts, views: readonly VersionView[], split: string | undefined): Cause[] {
  const routes = routeCauses(facts);
  const causes = [
    ...acceptanceCause(facts),
    ...facts.objectProblems.map(objectCause),
    ...rolloutCauses(facts.rollout),
    ...views.filter(({ facts: { listed, withdrawn } }) => listed && !withdrawn).flatMap(versionCause),
    ...routes,
    // What a gateway does not follow is told above.
    ...trafficCause({ ...facts, inForce: facts.inForce || routes.length > 0 }, split),
  ];
  return [...causes.filter(({ lasting }) => lasting), ...causes.filter(({ lasting }) => !lasting)];
}

function passing(reason: Reason, message: string): Cause {
  return { reason, message: cut(oneLine(message), CAUSE_LENGTH), lasting: false, next: '' };
}

function acceptanceCause({ acceptance, versions }: StatusFacts): Cause[] {
  if (acceptance.ok) return [];
  const { reason, message } = refusal(acceptance);
  const kept = versions.length > 0 ? '; what was accepted before goes on being served' : '';
  return [{ reason, message: `${cut(oneLine(message), CAUSE_LENGTH)}${kept}`, lasting: true, next: stepFor(reason) }];
}

/** The refusal in words of the catalogue. */
function refusal({ reason, message }: { reason: string; message: string }): { reason: Reason; message: string } {
  const known = acceptanceReason(reason);
  return known ? { reason: known, message } : { reason: 'InvalidSpec', message: `${reason}: ${message}` };
}

function objectCause({ object, reason, message, transient }: ObjectProblem): Cause {
  const known = objectReason(reason);
  const words = known ? message : `${reason}: ${message}`;
  const code = known ?? 'ApplyFailed';
  // An API error names by itself what it was about.
  const told = cut(oneLine(words.includes(object) ? words : `${object}: ${words}`), CAUSE_LENGTH);
  return { reason: code, message: told, lasting: !transient, next: `${object}: ${stepFor(code)}` };
}

function versionCause(view: VersionView): Cause[] {
  const { complete, failure, facts } = view;
  const causes: Cause[] = [];
  if (failure) {
    const { reason, code, message, lasting } = failure;
    const coded = code === reason ? message : `${code}: ${message}`;
    const told = cut(`${facts.name}: ${coded}`, CAUSE_LENGTH);
    causes.push({ reason, message: told, lasting, next: stepForFailure(facts.name, failure) });
  }
  if (!complete && !failure) {
    const { updating, words } = progressOf(view);
    causes.push(passing(updating ? 'Updating' : 'Starting', words));
  }
  return causes;
}

function trafficCause({ table, waiting, inForce, versions, url }: StatusFacts, split: string | undefined): Cause[] {
  if (waiting.length > 0) return [passing('TrafficWaiting', waiting.join('; '))];
  if (versions.every(({ listed }) => !listed)) return [passing('Starting', 'nothing runs yet')];
  if (!table) return [passing('Starting', 'no split is in force yet')];
  if (!inForce) return [passing('TrafficMoving', `not all pods are known to follow ${split ?? 'the split'} yet`)];
  return url === undefined ? [passing('Starting', 'the Service is not there yet')] : [];
}

const TOLD = 4;

/** In one message, a few of them. */
export function tell(causes: readonly Cause[]): string {
  const more = causes.length > TOLD ? `; and ${causes.length - TOLD} more` : '';
  const told = causes.slice(0, TOLD).map(({ message }) => message);
  return cut(`${[...new Set(told)].join('; ')}${more}`, 4_096);
}
