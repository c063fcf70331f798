/** Whether a spec is taken, and what goes on being served when it is not. Pure. */
import { effectiveServing } from '../../api/effective.ts';
import { type ModelDeployment, type ModelDeploymentSpec, modelDeployment } from '../../api/model-deployment.ts';
import { sameJson } from '../../core/equal.ts';
import { reusedVersions } from '../../core/reuse.ts';
import { firstPlan } from '../render/first-plan.ts';
import type { RenderOptions } from '../render/input.ts';
import { render } from '../render/render.ts';
import type { LeavingVersion, RevisionData } from './revision.ts';
import type { StoredModelDeployment } from './stored.ts';

export type Acceptance =
  | { ok: true; data: RevisionData }
  /** `before`: what was taken last, if anything was. */
  | { ok: false; reason: string; message: string; before: RevisionData | undefined };

/**
 * @param before what was taken last
 * @param exists whether anything of a version is still there
 */
export function accept(
  md: StoredModelDeployment,
  before: RevisionData | undefined,
  exists: (version: string) => boolean,
  options: RenderOptions,
): Acceptance {
  if (before && sameJson(before.spec, md.spec)) return { ok: true, data: before };
  const refuse = (reason: string, message: string): Acceptance => ({ ok: false, reason, message, before });
  const parsed = modelDeployment.safeParse(asWritten(md));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse('InvalidSpec', `${issue?.path.join('.') ?? 'spec'}: ${issue?.message ?? 'it is not valid'}`);
  }
  const reused = reusedVersions(knownVersions(before, md.spec, exists), md.spec.versions);
  if (reused.length > 0) return refuse('VersionReused', reused.map(({ message }) => message).join('; '));
  const rendered = render(parsed.data, firstPlan(parsed.data), options);
  if (!rendered.ok) {
    const [first] = rendered.problems.filter(({ severity }) => severity === 'error');
    const messages = rendered.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
    return refuse(first?.reason ?? 'InvalidSpec', messages.join('; '));
  }
  return { ok: true, data: { spec: md.spec, leaving: leavingVersions(before, md.spec, exists) } };
}

/** As its owner wrote it: what the API server adds is not of the schema. */
function asWritten({ apiVersion, kind, metadata, spec }: StoredModelDeployment): unknown {
  const { name, namespace, labels, annotations } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec };
}

/** The ModelDeployment as rendering takes it, with a spec that was accepted. */
export function withSpec(md: StoredModelDeployment, spec: ModelDeploymentSpec): ModelDeployment {
  return { ...md, spec } as unknown as ModelDeployment;
}

function knownVersions(
  before: RevisionData | undefined,
  next: ModelDeploymentSpec,
  exists: (version: string) => boolean,
) {
  const listed = (before?.spec.versions ?? []).map(({ name, model }) => ({
    name,
    model,
    dropped: !next.versions.some((v) => v.name === name),
  }));
  const left = (before?.leaving ?? []).map(({ name, model }) => ({ name, model, dropped: true }));
  return [...listed, ...left].filter(({ name, dropped }) => !dropped || exists(name));
}

/** What was there and is not listed any more, as it was run last. */
function leavingVersions(
  before: RevisionData | undefined,
  next: ModelDeploymentSpec,
  exists: (version: string) => boolean,
): LeavingVersion[] {
  if (!before) return [];
  const listed = before.spec.versions.map(
    (version): LeavingVersion => ({
      name: version.name,
      model: version.model,
      ...(version.golden && { golden: version.golden }),
      serving: effectiveServing(before.spec, version),
    }),
  );
  return [...listed, ...before.leaving.filter(({ name }) => !listed.some((v) => v.name === name))].filter(
    ({ name }) => exists(name) && !next.versions.some((v) => v.name === name),
  );
}
