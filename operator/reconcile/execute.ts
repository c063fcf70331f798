/** Writes what has to be written, one ModelDeployment at a time. One object's failure keeps none of the others from being written. */
import { KubeError } from '../kube/error.ts';
import { controllerOf, type StoredObject } from '../kube/object.ts';
import { SCALE_FIELD_MANAGER } from '../render/deployment.ts';
import { STAGES } from '../render/render.ts';
import type { Apply, Changes } from './changes.ts';
import type { KeyMemory } from './key-memory.ts';
import { MODEL_DEPLOYMENTS, resourceOf } from './resources.ts';
import type { ObjectProblem } from './status/facts.ts';
import { objectId, type StoredModelDeployment } from './stored.ts';
import { type Hand, writeAll } from './write.ts';

export interface Executed {
  problems: ObjectProblem[];
  /** What kept something from being written, in the order of the objects. */
  errors: KubeError[];
  /** Whether anything was written. */
  wrote: boolean;
  /**
   * The rest is for another pass, after those of other ModelDeployments that have made no Service yet: Kubernetes allocates
   * the addresses of Services one after the other, five times as slowly while it makes pods.
   */
  halfway: boolean;
}

/**
 * @param mayHalt whether it may stop halfway
 * @throws nothing but what is not a KubeError: a mistake of ours
 */
export async function execute(
  changes: Changes,
  md: StoredModelDeployment,
  memory: KeyMemory,
  hand: Hand,
  mayHalt: boolean,
): Promise<Executed> {
  const done: Executed = {
    problems: changes.taken.map((o) => nameTaken(o, md)),
    errors: [],
    wrote: false,
    halfway: false,
  };
  const attempt = async (object: string, action: () => Promise<unknown>): Promise<boolean> => {
    if (isEnding(done)) return false;
    try {
      await action();
      done.wrote = true;
      return true;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      noteFailure(done, object, error);
      return false;
    }
  };
  const taken = await findForeign(changes.applies, md, memory, hand, done);
  const skipped = new Set([...taken, ...changes.taken.map(idOf)]);
  for (const stage of STAGES) {
    const due = changes.applies.filter(({ id, object }) => {
      // An autoscaler would steer the Deployment of somebody else.
      const steers = object.kind === 'HorizontalPodAutoscaler' && objectId('Deployment', object.metadata);
      if (steers && skipped.has(steers)) skipped.add(id);
      return stage.includes(object.kind) && !skipped.has(id);
    });
    for (const { id, foreign, failed } of await writeAll(due, md, memory, hand)) {
      if (foreign) {
        memory.foreign.add(id);
        done.problems.push(nameTaken(foreign, md));
      }
      if (failed) noteFailure(done, id, failed);
      else done.wrote = true;
      if (foreign || failed) skipped.add(id);
    }
    if (isEnding(done)) break;
    done.halfway = mayHalt && done.problems.length === 0 && due.some(needsAddress);
    if (done.halfway) return done;
  }
  const autoscalers = changes.prunes.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
  const others = changes.prunes.filter(({ kind }) => kind !== 'HorizontalPodAutoscaler');
  // Before sizes: an autoscaler that is still there would move them again.
  if (await mayPrune(changes.prunes, md, hand, attempt)) {
    for (const object of autoscalers) await attempt(idOf(object), () => prune(object, hand));
  }
  for (const { id, scale } of changes.scales) {
    if (!skipped.has(id)) await attempt(id, () => applyScale(scale.object, hand));
  }
  if (!done.problems.some(isEssential))
    for (const object of others) await attempt(idOf(object), () => prune(object, hand));
  return done;
}

function noteFailure(done: Executed, object: string, error: KubeError): void {
  done.errors.push(error);
  done.problems.push(problemOf(object, error));
}

/** Nothing more can be made in a namespace that goes. */
function isEnding({ errors }: Executed): boolean {
  return errors.some(({ code }) => code === 'NamespaceTerminating');
}

/** Without these a version does not serve as it must: what it takes the place of stays as long. */
function isEssential({ object }: ObjectProblem): boolean {
  return /^(ConfigMap|Service|Deployment|ModelDeployment|HTTPRoute|GRPCRoute) /.test(object);
}

const idOf = ({ kind, metadata }: StoredObject): string => objectId(kind, metadata);

/** Asks for names that were somebody else's when they were written last: a refused write costs more than a read. */
async function findForeign(
  applies: readonly Apply[],
  md: StoredModelDeployment,
  { foreign }: KeyMemory,
  { client }: Hand,
  done: Executed,
): Promise<string[]> {
  const missing = applies.filter(({ id, stored }) => !stored && foreign.has(id));
  const answers = await Promise.all(
    missing.map(async ({ id, object }): Promise<string[]> => {
      try {
        const there = await client.get(resourceOf(object), object.metadata, { metadataOnly: true });
        foreign.delete(id);
        if (!there || controllerOf(there)?.uid === md.metadata.uid) return [];
        foreign.add(id);
        done.problems.push(nameTaken({ ...there, kind: object.kind }, md));
        return [id];
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        done.errors.push(error);
        done.problems.push(problemOf(id, error));
        return [id];
      }
    }),
  );
  return answers.flat();
}

function needsAddress({ object, stored }: Apply): boolean {
  return !stored && object.kind === 'Service' && (object.spec as { clusterIP?: string }).clusterIP !== 'None';
}

async function applyScale(object: Apply['object'], { client, caches }: Hand): Promise<void> {
  const stored = caches.find('Deployment', object.metadata);
  if (!stored) throw new KubeError('NotFound', `Deployment ${object.metadata.name} is not there to be scaled`);
  const { replicas } = object.spec as { replicas: number };
  if ((stored.spec as { replicas?: number }).replicas === replicas) return;
  const body = { ...object, metadata: { ...object.metadata, uid: stored.metadata.uid } };
  const result = await client.apply(resourceOf(object), body, { manager: SCALE_FIELD_MANAGER, force: true });
  caches.of('Deployment')?.wrote(result);
}

/** What the cache says is not wanted any more is asked for once more, in case the cache is behind. */
async function mayPrune(
  prunes: readonly StoredObject[],
  md: StoredModelDeployment,
  { client }: Hand,
  attempt: (object: string, action: () => Promise<unknown>) => Promise<boolean>,
): Promise<boolean> {
  if (prunes.length === 0) return false;
  const { name, uid, generation } = md.metadata;
  return attempt(`ModelDeployment ${name}`, async () => {
    const now = await client.get(MODEL_DEPLOYMENTS, md.metadata, { metadataOnly: true });
    if (now?.metadata.uid === uid && now.metadata.generation === generation) return;
    throw new KubeError('Conflict', `${name} has changed since it was read: nothing is deleted on an old word`);
  });
}

/** Only what is as it was when it was decided on. */
async function prune(object: StoredObject, { client, caches, log }: Hand): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  log.info({ object: idOf(object) }, 'deleting what is not wanted any more');
  await client.delete(resourceOf(object), object.metadata, { uid, resourceVersion, propagation: 'Background' });
  caches.of(object.kind)?.removed(object.metadata, uid);
}

/** What is of a ModelDeployment of the same name that was deleted is on its way out. */
function nameTaken(there: StoredObject, md: StoredModelDeployment): ObjectProblem {
  const object = `${there.kind} ${there.metadata.name}`;
  const owner = controllerOf(there);
  const before = owner?.kind === md.kind && owner.name === md.metadata.name;
  if (before || there.metadata.deletionTimestamp) {
    const message = `${object} of a ModelDeployment ${md.metadata.name} that was deleted is not gone yet`;
    return { object, reason: 'NameTaken', message, transient: true };
  }
  const whose = owner ? `it belongs to ${owner.kind} ${owner.name}` : 'it belongs to no ModelDeployment';
  const message = `${object} is there already and ${whose}: delete or rename one of the two`;
  return { object, reason: 'NameTaken', message, transient: false };
}

export function problemOf(object: string, error: KubeError): ObjectProblem {
  return { object, reason: error.code, message: error.message, transient: error.transient };
}
