/** From what was gathered to what the planner is asked, and from its answer to what is rendered. Pure. */
import { effectiveServing, replicasOf, retireAfterMs, shadowPoints, statedShares } from '../../api/effective.ts';
import type { ModelDeploymentSpec } from '../../api/model-deployment.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { sizeFor } from '../../core/capacity.ts';
import type { Desired, DesiredVersion, Memory, Observed, Plan } from '../../core/model.ts';
import type { StoredObject } from '../kube/object.ts';
import { addressOf, withAddresses } from '../render/config-map.ts';
import { firstPlan } from '../render/first-plan.ts';
import type { PlannedVersion, RenderPlan } from '../render/input.ts';
import { VERSION_LABEL } from '../render/labels.ts';
import { versionName } from '../render/names.ts';
import { withSpec } from './accept.ts';
import type { Gathered } from './gather.ts';
import type { VersionTrouble } from './observe.ts';
import { isReady } from './pod.ts';
import type { RevisionData } from './revision.ts';
import { roomFor } from './room.ts';

/** A version that is listed, or leaving and still there. */
export type RunVersion = Pick<PlannedVersion, 'name' | 'model' | 'golden' | 'serving'> & { listed: boolean };

export function servesIn(table: TrafficTable | undefined, version: string): boolean {
  return table?.versions.some(({ name, share }) => name === version && share > 0) ?? false;
}

/** In the order of the list; then those that are leaving. */
export function runVersions({ spec, leaving }: RevisionData, { deployments, table }: Gathered): RunVersion[] {
  const listed = spec.versions.map((version) => ({
    name: version.name,
    model: version.model,
    golden: version.golden,
    serving: effectiveServing(spec, version),
    listed: true,
  }));
  // One that serves still is kept true even where a hand has deleted its Deployment.
  const there = leaving.filter(({ name }) => deployments.has(name) || servesIn(table, name));
  const left = there.filter(({ name }) => !listed.some((v) => v.name === name));
  return [...listed, ...left.map((version) => ({ ...version, listed: false }))];
}

/**
 * The table of a ModelDeployment that has none: the split as it is stated, at once. Nobody serves yet that a new version
 * could take anything from; a version that is ready answers for one that is not. Revision 1 stands for a table that was
 * there before any pod; where pods came first (the ConfigMap could not be written), they have to be told of it.
 */
export function firstTable(gathered: Gathered, spec: ModelDeploymentSpec): TrafficTable {
  const { table, versions } = firstPlan(withSpec(gathered.md, spec));
  const full = withAddresses(gathered.md.metadata.name, table, versions);
  return gathered.pods.size > 0 ? { ...full, revision: 2 } : full;
}

export function desiredOf(
  gathered: Gathered,
  spec: ModelDeploymentSpec,
  versions: readonly RunVersion[],
  table: TrafficTable,
): Desired {
  const shares = statedShares(spec);
  const serving = table.versions.map(({ name, share }) => ({ share, size: sizeOf(name, gathered) ?? 1 }));
  return {
    model: gathered.md.metadata.name,
    versions: versions.map((version) => {
      if (!version.listed) return leaving(version);
      const share = shares.get(version.name) ?? 0;
      const shadow = spec.versions.filter(({ name }) => name === version.name).map(shadowPoints)[0] ?? 0;
      return { name: version.name, share, shadow, ...sizes(version, share, serving) };
    }),
    ...(spec.cohort && { cohort: spec.cohort }),
    retireAfterMs: retireAfterMs(spec),
  };
}

/** An autoscaler follows the load, which a new version does not have yet: it is made as large as its share will need. */
function sizes({ serving }: RunVersion, share: number, served: Parameters<typeof sizeFor>[1]) {
  const size = replicasOf(serving);
  if (!serving.autoscaling) return { size };
  const { max } = serving.autoscaling;
  if (share === 0) return { size, elastic: true, max };
  return { size, elastic: true, max, needed: Math.min(max, Math.max(size, sizeFor(share, served))) };
}

function leaving({ name, serving }: RunVersion): DesiredVersion {
  const elastic = serving.autoscaling && { elastic: true, max: serving.autoscaling.max };
  return { name, share: 0, shadow: 0, size: replicasOf(serving), dropped: true, ...elastic };
}

function sizeOf(version: string, { deployments }: Gathered): number | undefined {
  const deployment = deployments.get(version);
  return deployment && (deployment.spec.replicas ?? 1);
}

/** @param inForce whether all ready pods are known to follow the table */
export function observedOf(
  gathered: Gathered,
  versions: readonly RunVersion[],
  table: TrafficTable,
  inForce: boolean,
  troubles: ReadonlyMap<string, VersionTrouble> = new Map(),
): Observed {
  const door = gathered.publicService && doorOf(gathered.publicService);
  return {
    versions: versions.map((version) => ({
      name: version.name,
      exists: gathered.deployments.has(version.name),
      readyReplicas: (gathered.pods.get(version.name) ?? []).filter(isReady).length,
      size: sizeOf(version.name, gathered),
      address: addressOf(gathered.md.metadata.name, version),
      ...troubles.get(version.name),
    })),
    table,
    inForce,
    ...(door !== undefined && { door }),
    served: wasServed(gathered),
  };
}

/**
 * Said in the status once a split was in force with a ready pod, and kept. A hand can wipe the status: who has a share and is
 * ready serves whatever it says, and what takes its place is walked to.
 */
function wasServed({ md, table, pods }: Gathered): boolean {
  if (md.status?.traffic !== undefined) return true;
  return [...pods].some(([version, all]) => servesIn(table, version) && all.some(isReady));
}

/** The version that the public Service leads to. */
export function doorOf(service: StoredObject): string | undefined {
  const { selector } = (service.spec ?? {}) as { selector?: Record<string, string> };
  return selector?.[VERSION_LABEL];
}

/**
 * Whether all that are ready follow the table. The first table is there before any pod: its ConfigMap is applied before
 * the Deployments. A later one is in force when each ready pod says so; a pod whose report can't be had says nothing.
 */
export function isInForce(
  table: TrafficTable,
  gathered: Gathered,
  reported: ReadonlyMap<string, number>,
  known: number | undefined,
): boolean {
  if (table.revision === 1 || known === table.revision) return true;
  const ready = [...gathered.pods.values()].flat().filter(isReady);
  // With none ready nobody can have taken it.
  return ready.length > 0 && ready.every(({ metadata }) => (reported.get(metadata.uid) ?? 0) >= table.revision);
}

/** How long a first start waits for the primary, once another version could stand behind the door, ms. */
export const FIRST_DOOR_MS = 5_000;

export interface Moment {
  /** ms since a version was seen to be ready. */
  waited: number;
  /** Whether it has ever answered. */
  served: boolean;
}

/** Whether the door is kept for the primary though another version could stand behind it. */
export function isEarly({ waited, served }: Moment): boolean {
  return !served && waited < FIRST_DOOR_MS;
}

/** What is to be rendered for a plan. */
export function renderPlanOf(
  plan: Plan,
  gathered: Gathered,
  versions: readonly RunVersion[],
  table: TrafficTable,
  moment: Moment,
): RenderPlan {
  const sizes = new Map(plan.run.map(({ name, size }) => [name, size]));
  const planned = versions
    .filter(({ name }) => sizes.has(name))
    .map(
      ({ name, model, golden, serving }): PlannedVersion => ({
        name,
        model,
        golden,
        serving,
        replicas: sizes.get(name) ?? 0,
        reachable: true,
        room: roomFor(serving, gathered.deployments.get(name), gathered.pods.get(name) ?? []),
        ...(gathered.md.spec.routing?.gateway && { endpoints: endpointsBehind(name, gathered) }),
      }),
    );
  const written = plan.table ?? table;
  const stays = gathered.publicService ? doorOf(gathered.publicService) : written.primary;
  const door = [isEarly(moment) ? undefined : plan.entry, stays, written.primary, planned[0]?.name].find(
    (name) => name !== undefined && sizes.has(name),
  );
  if (door === undefined) throw new RangeError(`the plan for ${written.model} runs nothing`);
  return { door, table: written, versions: planned };
}

/** Whether a gateway may send to a version's Service: by the Service itself where that is known, else by its pods. */
function endpointsBehind(version: string, { md, pods, endpoints }: Gathered): PlannedVersion['endpoints'] {
  const ready = (pods.get(version) ?? []).some(isReady);
  const behind = endpoints ? (endpoints.get(versionName(md.metadata.name, version)) ?? 0) > 0 : ready;
  return behind ? 'ready' : ready ? 'coming' : 'none';
}

function isGoing(version: string, { md, owned, deployments }: Gathered): boolean {
  const service = versionName(md.metadata.name, version);
  return (
    !deployments.has(version) || !owned.some(({ kind, metadata }) => kind === 'Service' && metadata.name === service)
  );
}

/** The planner's memory after a restart: what is at rest has nothing to wait for; what leaves is given its time again. */
export function restoredMemory(gathered: Gathered, versions: readonly RunVersion[], atRest: boolean): Memory {
  // One whose removal has begun goes on going: to give it its time again would be to make it again.
  const whole = gathered.lost.filter((name) => servesIn(gathered.table, name) || !isGoing(name, gathered));
  const names = atRest ? whole.filter((name) => versions.some((v) => v.name === name && !v.listed)) : whole;
  return { lost: Object.fromEntries(names.map((name) => [name, {}])) };
}
