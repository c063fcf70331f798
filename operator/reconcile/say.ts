/** Says how a ModelDeployment fares: the status, written only when it changed, and the Events of that change. */

import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import type { Status } from '../../api/status.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import type { EventRecorder } from '../kube/events.ts';
import { controllerOf, type StoredObject } from '../kube/object.ts';
import { FIELD_MANAGER } from '../render/deployment.ts';
import { versionName } from '../render/names.ts';
import { ENTRY_HTTP } from '../render/ports.ts';
import type { Caches } from './caches.ts';
import { doorOf } from './decide.ts';
import { awaitsDigest, digestOf, noteChecked } from './evidence.ts';
import type { KeyMemory } from './key-memory.ts';
import type { Pass } from './pass.ts';
import { isReady } from './pod.ts';
import { MODEL_DEPLOYMENTS } from './resources.ts';
import { writeGuarded } from './rollout-state.ts';
import type { DeploymentFacts, StatusFacts, VersionFacts } from './status/facts.ts';
import { rolloutEvents } from './status/rollout-events.ts';
import { changesIn, eventsOf, isFirstStart, isUrgent, sameStatus, statusOf } from './status/status.ts';
import type { StoredDeployment, StoredModelDeployment } from './stored.ts';
import { subjectOf } from './subject.ts';

export interface Teller {
  client: KubeClient;
  caches: Caches;
  events: EventRecorder;
  clock: Clock;
}

/**
 * How long a change of counts or wording waits for more of its kind: after the last one that was written, and from when
 * it is seen. On a first start it waits for "it is ready": this long, and this long while the cluster has not got to it.
 */
const LAZY_MS = 3_000;
const SETTLE_MS = 1_000;
const STARTING_MS = 30_000;
const IN_LINE_MS = 300_000;
/** How long "it was taken, and comes up" waits after the first pass: where many come at once, their objects go before. */
const FIRST_MS = 1_000;
/** How long news waits for what a pod that is ready has loaded, which is told with it: a pod answers in milliseconds. */
const DIGEST_MS = 500;
/** Until the cache has what kept a status from being written. */
const AGAIN_MS = 200;

/** @returns ms until the status has to be looked at again @throws KubeError */
export async function writeStatus(
  pass: Pass,
  md: StoredModelDeployment,
  memory: KeyMemory,
  teller: Teller,
): Promise<number[]> {
  const { client, caches, events, clock } = teller;
  const facts = factsOf(pass, md, teller);
  const next = statusOf(facts);
  const later = changesIn(facts);
  const again = later === undefined ? [] : [later];
  noteChecked(md.status, pass.gathered, pass.reports, memory);
  if (sameStatus(md.status, next)) {
    memory.newsSince = undefined;
    return again;
  }
  const wait = patience(pass, md.status, next, memory, clock.now());
  if (wait > 0) return [...again, wait];
  const stored = await put(next, md, client);
  // Somebody has written meanwhile, and it may be a step of the rollout: the next pass knows more.
  if (!stored) return [...again, AGAIN_MS];
  memory.statusAt = clock.now();
  memory.newsSince = undefined;
  if (next.rollout) memory.stored = { version: stored.metadata.resourceVersion, state: next.rollout };
  caches.models.wrote(stored);
  // An edit that came in meanwhile is in the cache now, and its event will be no news.
  if (stored.metadata.generation !== md.metadata.generation) again.push(0);
  noteChecked(next, pass.gathered, pass.reports, memory);
  const told = [...rolloutEvents(md.status?.rollout, next.rollout), ...eventsOf(md.status, next)];
  for (const event of told) events.record(subjectOf(md), event);
  return again;
}

/**
 * A status that tells of a rollout is written over what was read and nothing newer, see `writeGuarded`. Any other goes
 * over whatever is there: a label that is changed meanwhile is no reason to say nothing.
 */
async function put(next: Status, md: StoredModelDeployment, client: KubeClient) {
  if (next.rollout || md.status?.rollout) return writeGuarded(next, md, { client });
  const { name, namespace, uid } = md.metadata;
  const body = { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace, uid }, status: next };
  return client.applyStatus(MODEL_DEPLOYMENTS, body, { manager: FIELD_MANAGER, force: true });
}

/** ms until the status is to be written; 0 for now. */
function patience(pass: Pass, previous: Status | undefined, next: Status, memory: KeyMemory, now: number): number {
  // What cannot be written is told at once: its next try may be far.
  const waits = pass.errors.length === 0;
  const awaits = waits && awaitsDigest(pass.versions, pass.gathered, pass.reports, memory);
  memory.digestBy = awaits ? (memory.digestBy ?? now + DIGEST_MS) : undefined;
  if (memory.digestBy !== undefined && now < memory.digestBy) return memory.digestBy - now;
  const reconciling = next.conditions?.some(({ type, status }) => type === 'Reconciling' && status === 'True');
  if (!previous) {
    memory.firstTold ??= now + FIRST_MS;
    return reconciling && waits ? memory.firstTold - now : 0;
  }
  if (isUrgent(previous, next)) return 0;
  memory.newsSince ??= now;
  if (isFirstStart(previous, next)) {
    memory.reachedSince = isInLine(pass, next) ? undefined : (memory.reachedSince ?? now);
    const slow = Math.max(memory.newsSince, memory.reachedSince ?? Number.POSITIVE_INFINITY) + STARTING_MS;
    return Math.min(slow, memory.newsSince + IN_LINE_MS) - now;
  }
  // Who has just begun does not know yet what the one before knew, and would say so.
  return Math.max(memory.newsSince + SETTLE_MS, Math.max(memory.statusAt, memory.firstSeen) + LAZY_MS) - now;
}

/**
 * Whether nothing is wrong, and what is missing is not on a node: one of a thousand that came at once, to whose pods the
 * scheduler comes in turn, and the controller that counts those that are ready.
 */
function isInLine({ gathered }: Pass, { versions = [], blockedBy }: Status): boolean {
  const pods = [...gathered.pods.values()].flat().filter(({ metadata }) => !metadata.deletionTimestamp);
  if (blockedBy !== undefined || pods.some((pod) => pod.spec.nodeName !== undefined && !isReady(pod))) return false;
  const short = versions.filter(({ replicas = 0, readyReplicas = 0 }) => readyReplicas < replicas);
  return short.length > 0 && short.every(({ failure }) => failure === undefined);
}

function factsOf(pass: Pass, md: StoredModelDeployment, { caches, clock }: Teller): StatusFacts {
  const { acceptance, serving } = pass;
  const { name, namespace, generation } = md.metadata;
  const { rollout } = pass;
  const service = caches.find('Service', md.metadata);
  return {
    generation: generation ?? 0,
    now: `${new Date(clock.wall()).toISOString().slice(0, 19)}Z`,
    previous: md.status,
    acceptance: acceptance.ok ? { ok: true } : acceptance,
    warnings: pass.warnings,
    url: isOurs(service, md) && serving ? `http://${name}.${namespace}.svc:${ENTRY_HTTP.port}` : undefined,
    table: serving?.table,
    inForce: serving?.inForce ?? false,
    door: service && isOurs(service, md) ? doorOf(service) : undefined,
    waiting: serving?.plan.waiting ?? [],
    versions: versionFacts(pass, caches),
    routes: pass.routes,
    nodes: caches.nodes.list().map(({ facts }) => facts),
    objectProblems: pass.problems,
    rollout: rollout && { model: name, state: rollout.state, waiting: rollout.waiting, notes: rollout.notes },
  };
}

/** Another may have the name: somebody else's, or one of a ModelDeployment of this name that was deleted. */
function isOurs(object: StoredObject | undefined, { metadata }: StoredModelDeployment): boolean {
  return object !== undefined && controllerOf(object)?.uid === metadata.uid;
}

function versionFacts(pass: Pass, caches: Caches): VersionFacts[] {
  const { gathered, serving, reports, rollout } = pass;
  const goals = new Map(rollout?.goal?.versions.map((goal) => [goal.name, goal]));
  const sizes = new Map(serving?.plan.run.map(({ name, size }) => [name, size]));
  return pass.versions.flatMap((version): VersionFacts[] => {
    const { namespace, name: model } = gathered.md.metadata;
    const found = caches.find('Deployment', { namespace, name: versionName(model, version.name) });
    const stored = isOurs(found, gathered.md) ? found : undefined;
    const goal = goals.get(version.name);
    const share = goal?.share ?? 0;
    // Once it is gone, a goal leaves it out.
    const takenBack = goal ? goal.dropped === true && share === 0 : rollout?.goal !== undefined;
    if (!version.listed && !stored && share === 0) return [];
    const deployment = stored as StoredDeployment | undefined;
    const pods = gathered.pods.get(version.name) ?? [];
    const digest = digestOf(version, gathered, reports);
    const size = sizes.get(version.name) ?? 0;
    return [
      {
        name: version.name,
        listed: version.listed || share > 0,
        ...(version.listed && takenBack && { withdrawn: true }),
        share,
        serving: version.serving,
        replicas: version.serving.autoscaling ? (deployment?.spec.replicas ?? size) : size,
        deployment: deployment && deploymentFacts(deployment),
        pods,
        reports: new Map(
          pods.flatMap(({ metadata }) => {
            const read = reports.get(metadata.uid);
            return read ? [[metadata.name, read] as const] : [];
          }),
        ),
        digest,
        digestStated: version.model.sha256 !== undefined,
      },
    ];
  });
}

function deploymentFacts({ metadata, status }: StoredDeployment): DeploymentFacts {
  return {
    name: metadata.name,
    generation: metadata.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    replicas: status?.replicas ?? 0,
    updatedReplicas: status?.updatedReplicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    conditions: status?.conditions ?? [],
  };
}
