/** Keeps true what was accepted: observe, plan, render, write, and see to it that pods follow. */

import type { TrafficTable } from '../../api/traffic-table.ts';
import { percentOf } from '../../api/units.ts';
import type { Desired, Observed, Plan } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import { isWalking } from '../../core/rollout/model.ts';
import type { QueryKeeper } from '../evidence/query-keeper.ts';
import type { ReportKeeper } from '../evidence/report-keeper.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../kube/log.ts';
import { keyText } from '../kube/object.ts';
import type { RenderOptions, RenderPlan, RenderProblem } from '../render/input.ts';
import { render } from '../render/render.ts';
import { withSpec } from './accept.ts';
import type { Caches } from './caches.ts';
import { changesOf, wantedObjects } from './changes.ts';
import {
  desiredOf,
  FIRST_DOOR_MS,
  firstTable,
  isEarly,
  isInForce,
  type Moment,
  observedOf,
  renderPlanOf,
  restoredMemory,
  runVersions,
} from './decide.ts';
import { forgetPods, podsBehind, reportedRevisions, wantedReports, withPins } from './evidence.ts';
import { type Executed, execute } from './execute.ts';
import type { Gathered } from './gather.ts';
import type { KeyMemory, Made } from './key-memory.ts';
import { noteSignatures, rolloutWants, troubleOf } from './observe.ts';
import type { Pass } from './pass.ts';
import { isReady } from './pod.ts';
import type { RevisionData } from './revision.ts';
import { routeFacts, routesInForce } from './routes.ts';
import type { ObjectProblem } from './status/facts.ts';
import type { StoredModelDeployment } from './stored.ts';
import { touchPods } from './touch.ts';
import { withTableNotes } from './traffic.ts';
import { stateOf, walk } from './walk.ts';

export interface Keeper {
  client: KubeClient;
  caches: Caches;
  reports: ReportKeeper;
  /** Absent where the operator knows of no Prometheus. */
  queries?: QueryKeeper | undefined;
  events: EventRecorder;
  clock: Clock;
  log: Log;
}

const AFTER_WRITE_MS = 1_000;

/** What a pass starts from. */
interface Seen {
  table: TrafficTable;
  /** The stated split. */
  desired: Desired;
  observed: Observed;
  /** Whether pods are yet to be seen to follow the table. */
  moving: boolean;
  /** Revision of the table by UID of the pod. */
  reported: ReadonlyMap<string, number>;
}

/** What a pass knows of the traffic and wants of it. */
interface Decision {
  next: Plan;
  renderPlan: RenderPlan;
  moment: Moment;
  /** Whether pods are yet to be seen to follow the table. */
  moving: boolean;
  /** By UID of the pod. */
  reported: ReadonlyMap<string, number>;
}

/** Fills in the pass. @throws what is not a KubeError: a mistake of ours */
export async function serve(
  data: RevisionData,
  pass: Pass,
  memory: KeyMemory,
  options: RenderOptions,
  keeper: Keeper,
): Promise<void> {
  const seen = look(data, pass, memory, options, keeper);
  const goal = await walk({ data, ...seen }, pass, memory, keeper);
  if (!goal) {
    pass.outdated = true;
    return;
  }
  const { gathered } = pass;
  const { next, renderPlan, moment, moving, reported } = decide(seen, goal, pass, memory, keeper);
  const keep = !next.table && gathered.table;
  const lost = keep ? gathered.lost : Object.keys(next.memory.lost);
  const made = madeOf(data, renderPlan, lost, gathered.md, memory, options);
  if (!made.ok) {
    pass.problems.push(...made.problems.map(notRendered));
    return;
  }
  pass.warnings = [...pass.remarks, ...made.warnings];
  const changes = changesOf(made.wanted, made.scales, gathered, memory.settled);
  // Once: a Service that is gone again, or that the cache does not find, would keep the rest from being written for ever.
  const mayHalt = !memory.halfway && pass.errors.length === 0 && pass.problems.length === 0;
  const done = await execute(changes, gathered.md, memory, keeper, mayHalt);
  memory.halfway = done.halfway;
  pass.problems.push(...done.problems);
  pass.errors.push(...done.errors);
  pass.halfway = done.halfway;
  forgetPods(gathered, memory);
  // What a write returned may hold changes of others, whose events are then no news.
  if (done.wrote) pass.lookAgain.push(AFTER_WRITE_MS);
  if (next.wakeAt !== undefined) pass.lookAgain.push(Math.max(50, next.wakeAt - keeper.clock.now()));
  // What was refused for the sake of a version that goes may be taken now.
  const going = next.retire.some((name) => gathered.deployments.has(name));
  if (going && !pass.acceptance.ok) pass.lookAgain.push(500);
  const waits = next.entry !== undefined && next.entry !== renderPlan.door;
  if (waits && isEarly(moment)) pass.lookAgain.push(Math.max(50, FIRST_DOOR_MS - moment.waited));
  if (!tableIsThere(done)) return;
  // Only now does the plan count as carried out: else the next pass makes it again.
  memory.plan = next.memory;
  memory.table = renderPlan.table;
  const rewritten = next.table !== undefined || gathered.restored;
  if (rewritten) pass.lookAgain.push(500);
  if (!rewritten && !moving) return;
  const behind = podsBehind(renderPlan.table, gathered, reported);
  pass.errors.push(...(await touchPods(behind, renderPlan.table.revision, memory, keeper)));
}

/** What is rendered, or was rendered of the same before: most passes change nothing. */
function madeOf(
  data: RevisionData,
  plan: RenderPlan,
  lost: readonly string[],
  md: StoredModelDeployment,
  memory: KeyMemory,
  options: RenderOptions,
): Made {
  const of = JSON.stringify([plan, lost]);
  const last = memory.made;
  if (last?.of === of && last.data === data && last.options === options) return last.made;
  const rendered = render(withSpec(md, data.spec), plan, options);
  const made: Made = rendered.ok
    ? {
        ok: true,
        wanted: wantedObjects(
          rendered.objects.map((object) => (object.kind === 'ConfigMap' ? withTableNotes(object, lost) : object)),
        ),
        scales: rendered.scales,
        warnings: rendered.warnings,
      }
    : rendered;
  memory.made = { of, data, options, made };
  return made;
}

/** What is there, and what the spec asks for in the end. */
function look(data: RevisionData, pass: Pass, memory: KeyMemory, options: RenderOptions, { reports }: Keeper): Seen {
  const { gathered } = pass;
  const { md } = gathered;
  pass.versions = runVersions(data, gathered);
  const table = gathered.table ?? firstTable(gathered, data.spec);
  if (!memory.plan) {
    const atRest = isAtRest(md);
    memory.plan = restoredMemory(gathered, pass.versions, atRest);
    const known = atRest || endedInForce(md, table);
    if (known && !gathered.restored) memory.inForce = memory.routed = table.revision;
  }
  const moving = !gathered.restored && table.revision !== 1 && memory.inForce !== table.revision;
  const walking = isWalking(stateOf(md, memory));
  const wants = rolloutWants(data.spec, pass.versions, walking, memory);
  const wanted = reports.want(keyText(md.metadata), wantedReports(gathered, pass.versions, moving, memory, wants));
  if (wanted.lookAgain !== undefined) pass.lookAgain.push(Math.max(100, wanted.lookAgain));
  pass.reports = wanted.known;
  const reported = reportedRevisions(wanted.known);
  const followed = isInForce(table, gathered, reported, memory.inForce);
  if (followed && anyReady(gathered)) memory.inForce = table.revision;
  pass.routes = routeFacts(data.spec, pass.versions, gathered, options);
  if (routesInForce(pass.routes, table.revision)) memory.routed = table.revision;
  const inForce = followed && (table.revision === 1 || memory.routed === table.revision);
  noteSignatures(memory.signatures, pass.versions, gathered, wanted.known);
  const desired = desiredOf(gathered, data.spec, pass.versions, table);
  const troubles = new Map(
    pass.versions.map((version) => [
      version.name,
      troubleOf(version, gathered, wanted.known, memory.signatures.get(version.name)),
    ]),
  );
  const observed = observedOf(gathered, pass.versions, table, inForce, troubles);
  return { table, moving, reported, desired, observed };
}

function decide(
  { table, moving, reported, observed }: Seen,
  goal: Desired,
  pass: Pass,
  memory: KeyMemory,
  { clock }: Keeper,
): Decision {
  const { gathered } = pass;
  const { md } = gathered;
  const { inForce } = observed;
  const desired = withPins(goal, pass.versions, gathered, pass.reports);
  if (pass.rollout) pass.rollout.goal = desired;
  const next = plan(desired, observed, memory.plan ?? { lost: {} }, clock.now());
  if (next.entry === undefined) memory.enterableSince = undefined;
  else memory.enterableSince ??= clock.now();
  const moment = { waited: clock.now() - (memory.enterableSince ?? clock.now()), served: wasAvailable(md) };
  const renderPlan = renderPlanOf(next, gathered, pass.versions, table, moment);
  pass.serving = { table: renderPlan.table, plan: next, inForce: inForce && !next.table, door: renderPlan.door };
  return { next, renderPlan, moment, moving, reported };
}

function anyReady({ pods }: Gathered): boolean {
  return [...pods.values()].some((list) => list.some(isReady));
}

/** Whether the traffic table stands as it was planned. */
function tableIsThere({ problems }: Executed): boolean {
  return !problems.some(({ object }) => object.startsWith('ConfigMap '));
}

function notRendered({ reason, message }: RenderProblem): ObjectProblem {
  return { object: 'ModelDeployment', reason, message, transient: false };
}

/** As its status says, and of this very spec. */
function isAtRest({ status, metadata }: StoredModelDeployment): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === metadata.generation;
}

/** A rollout that ended where it came from is at rest though not Ready: its status says that the pods follow this split. */
function endedInForce({ status, metadata }: StoredModelDeployment, table: TrafficTable): boolean {
  const { rollout, versions = [], observedGeneration } = status ?? {};
  if (!rollout || isWalking(rollout) || observedGeneration !== metadata.generation) return false;
  const told = new Map(versions.map(({ name, trafficInForce }) => [name, trafficInForce]));
  return table.versions.every(({ name, share }) => told.get(name) === percentOf(share));
}

function wasAvailable({ status }: StoredModelDeployment): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Available' && status === 'True') ?? false;
}
