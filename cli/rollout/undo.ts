/** Goes back to an earlier spec: by the hand that wrote it, or as a manifest to commit. */
import { API_VERSION, KIND, type ModelDeploymentSpec } from '../../api/model-deployment.ts';
import { ROLLOUT_ANNOTATION } from '../../api/rollout-command.ts';
import { sameJson } from '../../core/equal.ts';
import type { Manifest } from '../../operator/kube/object.ts';
import { MODEL_DEPLOYMENTS } from '../../operator/reconcile/resources.ts';
import { findModelDeployment } from '../cluster/listing.ts';
import type { ModelDeploymentObject } from '../cluster/objects.ts';
import type { Cluster } from '../cluster/options.ts';
import { type Revision, readRevisions } from '../cluster/revisions.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { gitOpsTool, type SpecOwner, specOwner } from './manager.ts';
import { mergePatch } from './merge-patch.ts';

export interface UndoPlan {
  revision: Pick<Revision, 'revision' | 'acceptedAt' | 'traffic' | 'spec'>;
  manifest: Manifest;
  /** The GitOps tool that would take a change back. */
  tool: string | undefined;
}

/** The revision to go back to: the one that is named, else the newest with another spec. @throws CliError */
export function revisionToTake<R extends Pick<Revision, 'revision' | 'spec'>>(
  name: string,
  revisions: readonly R[],
  now: ModelDeploymentSpec,
  wanted: number | undefined,
): R {
  const kept = revisions.map(({ revision }) => revision).join(', ') || 'none';
  if (wanted === undefined) {
    const found = revisions.find(({ spec }) => !sameJson(spec, now));
    if (found) return found;
    throw new CliError(`there is nothing to undo of ${name}: no earlier spec is kept`, EXIT.failed, 'NothingToDo');
  }
  const found = revisions.find(({ revision }) => revision === wanted);
  if (!found) {
    const message = `${name} has no revision ${wanted}: those that are kept are ${kept}`;
    throw new CliError(message, EXIT.failed, 'RevisionMissing');
  }
  if (!sameJson(found.spec, now)) return found;
  throw new CliError(`${name} has the spec of revision ${wanted} already`, EXIT.failed, 'NothingToDo');
}

/** What an undo would do. */
export async function planUndo(cluster: Cluster, name: string, wanted: number | undefined): Promise<UndoPlan> {
  const md = await readWhole(cluster, name);
  const revision = revisionToTake(name, await readRevisions(cluster.client, md), md.spec, wanted);
  return { revision, manifest: manifestFor(md, revision.spec), tool: gitOpsTool(md.metadata) };
}

/** Bookkeeping of tools, which does not belong into a manifest. */
const NOT_OURS_TO_COMMIT = [
  /^kubectl\.kubernetes\.io\//,
  /^argocd\.argoproj\.io\/tracking-id$/,
  /\.toolkit\.fluxcd\.io\//,
];

function manifestFor({ metadata }: ModelDeploymentObject, spec: ModelDeploymentSpec): Manifest {
  const keep = (fields: Record<string, string> = {}) => {
    const entries = Object.entries(fields).filter(
      ([key]) => key !== ROLLOUT_ANNOTATION && !NOT_OURS_TO_COMMIT.some((pattern) => pattern.test(key)),
    );
    return entries.length > 0 ? Object.fromEntries(entries) : undefined;
  };
  const [labels, annotations] = [keep(metadata.labels), keep(metadata.annotations)];
  const { name, namespace } = metadata;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec,
  };
}

/** Writes the earlier spec in the name of the one who wrote the spec, so that its next apply meets no conflict. */
export async function applyUndo(cluster: Cluster, name: string, spec: ModelDeploymentSpec): Promise<SpecOwner> {
  const { client, namespace } = cluster;
  const md = await readWhole(cluster, name);
  const owner = specOwner(md.metadata) ?? {
    manager: 'modelship-cli',
    operation: 'Update',
    labels: [],
    annotations: [],
  };
  if (owner.operation === 'Apply') {
    // What it holds and does not send again would be taken away.
    const own = (keys: readonly string[], from: Record<string, string> = {}) =>
      Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]]));
    const labels = own(owner.labels, md.metadata.labels);
    const annotations = own(owner.annotations, md.metadata.annotations);
    const metadata = { name, namespace, uid: md.metadata.uid, labels, annotations };
    const object = { apiVersion: API_VERSION, kind: KIND, metadata, spec };
    await client.apply(MODEL_DEPLOYMENTS, object, { manager: owner.manager });
  } else {
    const body = { metadata: { resourceVersion: md.metadata.resourceVersion }, spec: mergePatch(md.spec, spec) };
    await client.patch(MODEL_DEPLOYMENTS, { namespace, name }, body, { manager: owner.manager });
  }
  return owner;
}

/** With its field managers. */
async function readWhole({ client, namespace }: Cluster, name: string): Promise<ModelDeploymentObject> {
  const found = await client.get(MODEL_DEPLOYMENTS, { namespace, name });
  return (found as ModelDeploymentObject | undefined) ?? findModelDeployment(client, namespace, name);
}
