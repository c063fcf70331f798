/** A version's model is immutable for as long as the version exists. */
import { sameJson } from './equal.ts';

/** What is compared of a version that was accepted and has not retired yet. */
export interface AcceptedVersion {
  name: string;
  model: { uri: string; sha256?: string | undefined };
  /** Still there, but the list no longer has it. */
  dropped?: boolean | undefined;
}

export interface Reuse {
  version: string;
  /** What was wrong and what to do. */
  message: string;
}

/** Versions of `next` whose name stands for another model already. The caller refuses the change as a whole. */
export function reusedVersions(
  accepted: readonly AcceptedVersion[],
  next: readonly Pick<AcceptedVersion, 'name' | 'model'>[],
): Reuse[] {
  return next.flatMap(({ name, model }) => {
    const old = accepted.find((version) => version.name === name);
    if (!old || sameModel(old.model, model)) return [];
    const now = describe(model);
    const message = old.dropped
      ? `version ${name} was ${describe(old.model)} and has not retired yet; it cannot come back as ${now}: wait, or give the new model another name`
      : `the model of version ${name} is immutable; it is ${describe(old.model)}, not ${now}: add a version for the new model`;
    return [{ version: name, message }];
  });
}

/** A digest may be added: it says of the same file what it must be. */
function sameModel(old: AcceptedVersion['model'], next: AcceptedVersion['model']): boolean {
  const stated = old.sha256 === undefined ? { ...old, sha256: next.sha256 } : old;
  return sameJson(stated, next);
}

function describe({ uri, sha256 }: AcceptedVersion['model']): string {
  return sha256 ? `${uri} (sha256 ${sha256.slice(0, 12)}…)` : uri;
}
