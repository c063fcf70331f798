/** The accepted changes of a ModelDeployment, from its ControllerRevisions. */
import { statedShares } from '../../api/effective.ts';
import type { ModelDeploymentSpec, Version } from '../../api/model-deployment.ts';
import { percentOf } from '../../api/units.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { REVISIONS } from '../../operator/reconcile/resources.ts';
import { ACCEPTED_AT_ANNOTATION } from '../../operator/reconcile/revision.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { canonical } from '../../operator/render/objects.ts';
import type { Paint } from '../output.ts';
import { type Cell, table } from '../table.ts';
import { listAll } from './listing.ts';
import { type ModelDeploymentObject, ownedBy, type RevisionObject } from './objects.ts';
import { ageText, shortUri } from './words.ts';

export interface Revision {
  revision: number;
  /** RFC 3339. */
  acceptedAt: string;
  /** Whether it counts now. */
  current: boolean;
  /** The stated split, such as `v1:90 v2:10`. */
  traffic: string;
  /** Differences to the revision before, in words; undefined where that is not kept. */
  changes: string[] | undefined;
  spec: ModelDeploymentSpec;
  /** Versions that the spec does not list and that still served. */
  leaving: { name: string; model: { uri: string } }[];
}

export async function readRevisions(client: KubeClient, { metadata }: ModelDeploymentObject): Promise<Revision[]> {
  const selection = { namespace: metadata.namespace, labelSelector: `${MODEL_LABEL}=${metadata.name}` };
  const pick = (object: RevisionObject) => (ownedBy(object, metadata.uid) ? object : undefined);
  return revisionsOf(await listAll(client, REVISIONS, selection, { pick }));
}

/** Newest first. Objects without a spec are left out. */
export function revisionsOf(objects: readonly RevisionObject[]): Revision[] {
  const sorted = objects.toSorted((a, b) => (b.revision ?? 0) - (a.revision ?? 0));
  const read = sorted.flatMap(({ revision = 0, metadata, data }) => {
    if (!data?.spec) return [];
    const { spec, leaving = [] } = data;
    const acceptedAt = metadata.annotations?.[ACCEPTED_AT_ANNOTATION] ?? metadata.creationTimestamp;
    return [{ revision, acceptedAt, spec, leaving, traffic: splitText(spec) }];
  });
  return read.map((each, at) => {
    const before = read[at + 1];
    return { ...each, current: at === 0, changes: before && changesOf(before.spec, each.spec) };
  });
}

/** `v1:90 v2:10`: those that answer requests. */
function splitText(spec: ModelDeploymentSpec): string {
  const taking = [...statedShares(spec)].filter(([, share]) => share > 0);
  return taking.map(([name, share]) => `${name}:${percentOf(share)}`).join(' ');
}

/** What is different, one short phrase each; empty when nothing is. */
export function changesOf(before: ModelDeploymentSpec, after: ModelDeploymentSpec): string[] {
  const [old, now] = [before, after].map(({ versions }) => new Map(versions.map((each) => [each.name, each])));
  const [oldShares, nowShares] = [statedShares(before), statedShares(after)];
  const added = after.versions.filter(({ name }) => !old?.has(name)).map(({ name }) => `+${name}`);
  const removed = before.versions.filter(({ name }) => !now?.has(name)).map(({ name }) => `-${name}`);
  const moved = after.versions.flatMap((version) => {
    const earlier = old?.get(version.name);
    if (!earlier) return [];
    const [from = 0, to = 0] = [oldShares.get(version.name), nowShares.get(version.name)];
    const share = from === to ? [] : [`${version.name} ${percentOf(from)}→${percentOf(to)}`];
    return [...share, ...versionChanges(earlier, version)];
  });
  const whole = (['serving', 'cohort', 'rollout', 'retireAfter', 'routing'] as const)
    .filter((field) => !same(before[field], after[field]))
    .map((field) => `${field} changed`);
  return [...added, ...removed, ...moved, ...whole];
}

function versionChanges(before: Version, after: Version): string[] {
  const { name } = after;
  const [from = 0, to = 0] = [before.shadow, after.shadow];
  const shadow = from === to ? [] : [`${name} shadow ${from}→${to}`];
  const changed = (['model', 'golden', 'serving'] as const)
    .filter((field) => !same(before[field], after[field]))
    .map((field) => `${name} ${field} changed`);
  return [...shadow, ...changed];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

const COLUMNS = ['REVISION', 'WHEN', 'TRAFFIC', 'CHANGE', 'VERSIONS'].map((title) => ({ title }));

/** @param now ms since 1970 @returns one line an item; first the titles */
export function revisionLines(
  revisions: readonly Revision[],
  { now, width, paint }: { now: number; width: number; paint: Paint },
): string[] {
  const rows = revisions.map((each): Cell[] => [
    each.current ? { text: `${each.revision} (now)`, style: 'green' } : String(each.revision),
    ageText(each.acceptedAt, now),
    each.traffic,
    each.changes ? each.changes.join(', ') || 'nothing' : 'oldest kept',
    versionsText(each),
  ]);
  return table(COLUMNS, rows, { width, paint });
}

/** `v1=…/1/model.onnx`, then those that were leaving. */
function versionsText({ spec, leaving }: Revision): string {
  const listed = spec.versions.map(({ name, model }) => `${name}=${shortUri(model.uri)}`);
  return [...listed, ...leaving.map(({ name }) => `${name} leaving`)].join(', ');
}
