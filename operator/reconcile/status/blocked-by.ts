/** The next thing to do. */
import type { Failure } from './failure.ts';
import { REASONS, type Reason } from './reasons.ts';

/** By the runtime's codes for a model that does not load (docs/errors.md, "Failed starts"). */
export const LOAD_STEPS: Readonly<Record<string, string>> = {
  LAUNCH_INVALID: 'report this: the operator gave the runtime a wrong command line; check that both are of one release',
  ADDRESS_IN_USE: 'find what else listens on the port in the pod: a sidecar, or hostNetwork',
  MODEL_URI_UNSUPPORTED: 'use a scheme for model.uri that the message lists; a new URI is a new version',
  MODEL_NOT_THERE: 'put the model where model.uri says, or add a version with the right URI',
  MODEL_FORBIDDEN: 'give the pod the right to read the model: check its credentials and the permissions of the file',
  MODEL_UNREACHABLE:
    'check that the source of the model answers, and that DNS and the NetworkPolicy let the pod reach it',
  MODEL_DIGEST_MISMATCH: 'put back the file that sha256 names, or add a version for the new one',
  MODEL_CORRUPT: 'export or upload the model again, as a new version where the file changes',
  MODEL_UNSUPPORTED: 'export the model as the message says, and add a version for it',
  PROVIDER_MISSING: 'ask for a GPU, use a runtime image that has the execution provider, or list cpu after it',
  OPTION_UNSUPPORTED: 'leave out the field of serving.session that it names',
  WARMUP_FAILED: 'try the model with ONNX Runtime alone, or set warmup.requests: 0',
  GOLDEN_NOT_THERE: 'put the golden requests where golden.uri says, or leave out golden',
  GOLDEN_INVALID: 'correct the file of golden requests as the message says',
  GOLDEN_MISMATCH: 'export the model again as a new version, or mend the expected answers or golden.tolerance',
  LOAD_DIED: 'raise resources.limits.memory, or try the file with ONNX Runtime alone',
  CRASH_LOOP: 'look for the signal in its log; after SIGKILL, raise its memory limit or set execution.processes to 1',
  INTERNAL: 'report this with the log of the pod',
};

/** Of a reason that stands alone. Never empty. */
export function stepFor(reason: Reason): string {
  return REASONS[reason].todo || 'read the message of Stalled';
}

/** @returns one sentence that starts with the version */
export function stepForFailure(version: string, { reason, code, pod, container }: Failure): string {
  const step = reason === 'LoadFailed' ? (LOAD_STEPS[code] ?? stepFor(reason)) : stepFor(reason);
  if (reason === 'DigestChanged') return `${version}: ${step}`;
  const where = [pod && `pod ${pod}`, container && `container ${container}`].filter(Boolean).join(', ');
  return where ? `${version}: ${step} (${where})` : `${version}: ${step}`;
}
