/** What `modelship validate --against` says of a change, in a form for machines. */
import { LOAD_STEPS } from '../../operator/reconcile/status/blocked-by.ts';
import type { Place } from './places.ts';

/** Codes of its own. A model that does not load has the runtime's code (docs/errors.md). */
export const VALIDATE_CODES = {
  /** The manifest itself is wrong. */
  MANIFEST_INVALID: 'correct the field',
  /** A version name stands for another model than in the manifest before. */
  VERSION_REUSED: 'add a version for the new model, under a name that was not used before',
  /** Callers of the served version would stumble over the new one. */
  SIGNATURE_CHANGED:
    'export the model with the inputs and outputs of the served one, or serve it as a ModelDeployment of its own; rollout.signature: Any lets it pass',
  /** More answers differ from those of the served version than --max-disagreement allows. */
  DISAGREEMENT:
    'look at the requests that differ, and raise --max-disagreement only if the new answers are the better ones',
  /** --max-disagreement is given, and there is nothing to replay. */
  NOTHING_TO_REPLAY: 'give the version golden requests, or requests by --requests',
  /** The served version cannot be opened, so nothing can be compared with it. */
  STABLE_NOT_OPENED: 'put the served model back where its manifest says, or say by --volume where that is',
  /** A model did not come up within --timeout. */
  LOAD_TIMEOUT: 'raise --timeout',
  /** A kind of URI that only a cluster reads. */
  URI_UNSUPPORTED: 'validate where the model is a file or answers over https://',
  /** A path that leaves its volume. */
  PATH_ESCAPES: 'name a file inside the volume',
  /** Notes: nothing is refused for them. */
  DIGEST_MISSING: 'add model.sha256, so that Git says which file is served',
  NOT_LISTED_ANY_MORE: 'delete it with your GitOps tool (prune), or keep it in the manifest',
} as const;

export type ValidateCode = keyof typeof VALIDATE_CODES;

/** `refused`: the change must not go out. `unknown`: it could not be judged here. `note`: worth knowing. */
export type Weight = 'refused' | 'unknown' | 'note';

export interface Finding extends Place {
  code: string;
  weight: Weight;
  deployment?: string;
  version?: string;
  message: string;
  /** What to do. */
  todo: string;
}

/** Codes of failed loads that say nothing of the model: trying again, or elsewhere, may help. */
const MAY_PASS: ReadonlySet<string> = new Set([
  'MODEL_UNREACHABLE',
  'MODEL_FORBIDDEN',
  'ADDRESS_IN_USE',
  'INTERNAL',
  'LOAD_TIMEOUT',
  'URI_UNSUPPORTED',
  'PROVIDER_MISSING',
]);

export function finding(
  code: string,
  at: Place,
  message: string,
  more: Partial<Pick<Finding, 'weight' | 'deployment' | 'version' | 'todo'>> = {},
): Finding {
  const weight = MAY_PASS.has(code) ? 'unknown' : 'refused';
  return { code, weight, ...at, message, todo: todoOf(code), ...more };
}

/** Whether a failed load may pass elsewhere, or later. */
export function mayPass(code: string): boolean {
  return MAY_PASS.has(code);
}

function todoOf(code: string): string {
  if (Object.hasOwn(VALIDATE_CODES, code)) return VALIDATE_CODES[code as ValidateCode];
  return LOAD_STEPS[code] ?? 'read the message';
}
