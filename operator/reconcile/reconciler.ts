/**
 * One pass over one ModelDeployment: gather → accept → plan → execute → status. A pass starts from what the caches hold
 * and knows nothing of what happened; the status is written last, always, also when something before it failed.
 */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { sameJson } from '../../core/equal.ts';
import type { Plan } from '../../core/model.ts';
import { plan } from '../../core/plan.ts';
import type { ReportKeeper } from '../evidence/report-keeper.ts';
import type { ReportRead } from '../evidence/reports.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { KubeError } from '../kube/error.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../kube/log.ts';
import { keyText, parseKey } from '../kube/object.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { RenderOptions, RenderProblem } from '../render/input.ts';
import { render } from '../render/render.ts';
import { type Acceptance, accept, withSpec } from './accept.ts';
import type { Caches } from './caches.ts';
import { changesOf, wantedObjects } from './changes.ts';
import {
  desiredOf,
  firstTable,
  isInForce,
  observedOf,
  type RunVersion,
  renderPlanOf,
  restoredMemory,
  runVersions,
} from './decide.ts';
import { forgetPods, podsBehind, reportedRevisions, wantedReports, withPins } from './evidence.ts';
import { type Executed, execute, problemOf } from './execute.ts';
import { type Gathered, gather, isThere } from './gather.ts';
import { type KeyMemory, newMemory } from './key-memory.ts';
import { isReady } from './pod.ts';
import { keepHistory, remember } from './remember.ts';
import type { RevisionData } from './revision.ts';
import { writeStatus } from './say.ts';
import type { ObjectProblem } from './status/facts.ts';
import type { StoredModelDeployment } from './stored.ts';
import { touchPods } from './touch.ts';
import { withTableNotes } from './traffic.ts';

export interface ReconcilerOptions {
  client: KubeClient;
  caches: Caches;
  reports: ReportKeeper;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  /** As the cluster is now: which optional APIs it serves may change. */
  renderOptions(): RenderOptions;
}

/** What a pass found out and did, for the status. */
export interface Pass {
  gathered: Gathered;
  acceptance: Acceptance;
  warnings: RenderProblem[];
  problems: ObjectProblem[];
  errors: KubeError[];
  versions: RunVersion[];
  reports: ReadonlyMap<string, ReportRead>;
  /** Absent where nothing was ever accepted. */
  serving?: { table: TrafficTable; plan: Plan; inForce: boolean; door: string | undefined };
  /** ms until the next pass is due though nothing happens. */
  lookAgain: number[];
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #memories = new Map<string, KeyMemory>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** How many ModelDeployments are remembered. */
  get size(): number {
    return this.#memories.size;
  }

  /** @param key `NAMESPACE/NAME` */
  async reconcile(key: string): Promise<Outcome> {
    const { caches, clock, reports } = this.#options;
    const md = caches.models.get(parseKey(key));
    // What belongs to it goes with it: Kubernetes collects what its owner has left behind.
    if (!md || md.metadata.deletionTimestamp) {
      this.#memories.delete(key);
      reports.forget(key);
      return { kind: 'done' };
    }
    let memory = this.#memories.get(key);
    if (memory?.uid !== md.metadata.uid) memory = newMemory(md.metadata.uid, clock.now());
    this.#memories.set(key, memory);
    if (memory.ending) return { kind: 'done' };
    try {
      const pass = await this.#pass(md, memory);
      memory.ending = pass.errors.some(({ code }) => code === 'NamespaceTerminating');
      if (memory.ending) return retry(pass.errors);
      pass.lookAgain.push(...(await writeStatus(pass, md, memory, this.#options)));
      return outcomeOf(pass);
    } catch (error) {
      if (error instanceof KubeError) return retry([error]);
      throw error;
    }
  }

  /** Forgets all: another process may have written since. */
  forgetAll(): void {
    this.#memories.clear();
  }

  async #pass(md: StoredModelDeployment, memory: KeyMemory): Promise<Pass> {
    const { caches, clock } = this.#options;
    const options = this.#options.renderOptions();
    const key = { ...md.metadata, text: keyText(md.metadata) };
    const gathered = gather(caches, key, md, memory, clock.wall());
    const [latest] = gathered.revisions;
    const before = memory.accepted ?? latest?.data;
    const acceptance = accept(md, before, (version) => isThere(gathered, version), options);
    const pass: Pass = {
      gathered,
      acceptance,
      warnings: [],
      problems: [],
      errors: [],
      versions: [],
      reports: new Map(),
      lookAgain: [],
    };
    let data = acceptance.ok ? acceptance.data : before;
    // Before anything is done about it, so that whoever comes after knows what was being done.
    if (acceptance.ok && !sameJson(latest?.data, data)) {
      const error = await remember(acceptance.data, gathered, this.#options);
      if (error) {
        pass.errors.push(error);
        pass.problems.push(problemOf(`ControllerRevision ${md.metadata.name}`, error));
        data = before;
      }
    }
    if (!data) return pass;
    memory.accepted = data;
    await this.#serve(data, pass, memory, options);
    pass.errors.push(...(await keepHistory(gathered, this.#options)));
    return pass;
  }

  /** Keeps what was accepted true. */
  async #serve(data: RevisionData, pass: Pass, memory: KeyMemory, options: RenderOptions): Promise<void> {
    const { clock, reports } = this.#options;
    const { gathered } = pass;
    const { md } = gathered;
    const key = keyText(md.metadata);
    pass.versions = runVersions(data, gathered);
    const atRest = isAtRest(md);
    const table = gathered.table ?? firstTable(gathered, data.spec);
    if (!memory.plan) {
      memory.plan = restoredMemory(gathered, pass.versions, atRest);
      if (atRest && !gathered.restored) memory.inForce = table.revision;
    }
    const moving = !gathered.restored && table.revision !== 1 && memory.inForce !== table.revision;
    const wanted = reports.want(key, wantedReports(gathered, pass.versions, moving, memory));
    pass.reports = wanted.known;
    const reported = reportedRevisions(wanted.known);
    const inForce = isInForce(table, gathered, reported, memory.inForce);
    if (inForce && anyReady(gathered)) memory.inForce = table.revision;
    const asked = desiredOf(gathered, data.spec, pass.versions, table);
    const desired = withPins(asked, pass.versions, gathered, wanted.known);
    const observed = observedOf(gathered, pass.versions, table, inForce);
    const next = plan(desired, observed, memory.plan, clock.now());
    const moment = { age: clock.now() - memory.firstSeen, served: wasAvailable(md) };
    const renderPlan = renderPlanOf(next, gathered, pass.versions, table, moment);
    const rendered = render(withSpec(md, data.spec), renderPlan, options);
    pass.serving = { table: renderPlan.table, plan: next, inForce: inForce && !next.table, door: renderPlan.door };
    if (!rendered.ok) {
      pass.problems.push(...rendered.problems.map(notRendered));
      return;
    }
    pass.warnings = rendered.warnings;
    const kept =
      next.table || !gathered.table ? next.memory.lost : Object.fromEntries(gathered.lost.map((n) => [n, {}]));
    const objects = rendered.objects.map((o) => (o.kind === 'ConfigMap' ? withTableNotes(o, kept) : o));
    const changes = changesOf(wantedObjects(objects), rendered.scales, gathered, memory.settled);
    const done = await execute(changes, md, memory, this.#options);
    this.#settle(pass, done, next, memory);
    const rewritten = tableIsThere(done) && (next.table !== undefined || gathered.restored);
    if (rewritten || (tableIsThere(done) && moving)) {
      const behind = podsBehind(renderPlan.table, gathered, reported);
      pass.errors.push(...(await touchPods(behind, renderPlan.table.revision, memory, this.#options)));
    }
    if (rewritten || (!moment.served && moment.age < 5_000)) pass.lookAgain.push(500);
    if (wanted.lookAgain !== undefined) pass.lookAgain.push(Math.max(100, wanted.lookAgain));
    // What was refused for the sake of a version that goes may be taken now.
    if (next.retire.length > 0 && !pass.acceptance.ok) pass.lookAgain.push(500);
    if (next.wakeAt !== undefined) pass.lookAgain.push(Math.max(50, next.wakeAt - clock.now()));
    forgetPods(gathered, memory);
  }

  /** The plan counts as carried out only when its table was written: else the next pass makes it again. */
  #settle(pass: Pass, done: Executed, next: Plan, memory: KeyMemory): void {
    pass.problems.push(...done.problems);
    pass.errors.push(...done.errors);
    if (!tableIsThere(done)) return;
    memory.plan = next.memory;
    memory.table = pass.serving?.table;
  }
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

function wasAvailable({ status }: StoredModelDeployment): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Available' && status === 'True') ?? false;
}

/** How often what cannot be written is tried again though nothing changes: a quota or a webhook may let it in by then. */
const REFUSED_AGAIN_MS = 30_000;
/** How often it is asked whether a name is free by now: what is not labelled as ours is not watched. One read each. */
const TAKEN_AGAIN_MS = 5_000;

function outcomeOf({ errors, problems, lookAgain }: Pass): Outcome {
  if (errors.length > 0) return retry(errors);
  const taken = problems.some(({ reason }) => reason === 'NameTaken');
  if (problems.length > 0) lookAgain.push(taken ? TAKEN_AGAIN_MS : REFUSED_AGAIN_MS);
  return lookAgain.length > 0 ? { kind: 'after', ms: Math.min(...lookAgain) } : { kind: 'done' };
}

function retry(errors: readonly KubeError[]): Outcome {
  // Nothing was sent: whoever leads now does it.
  if (errors.some(({ code }) => code === 'NotLeader')) return { kind: 'terminal', reason: 'another process leads' };
  if (errors.some(({ code }) => code === 'NamespaceTerminating')) {
    return { kind: 'terminal', reason: 'the namespace is being deleted' };
  }
  const afterMs = Math.max(
    ...errors.map(({ retryAfterMs, transient }) => retryAfterMs ?? (transient ? 0 : REFUSED_AGAIN_MS)),
  );
  return { kind: 'retry', reason: errors.map(({ message }) => message).join('; '), afterMs };
}
