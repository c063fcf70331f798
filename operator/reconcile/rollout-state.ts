/** Writes where a rollout stands into the status, before anything is done about it. */
import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import type { RolloutStatus, Status } from '../../api/status.ts';
import { sameJson } from '../../core/equal.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/error.ts';
import type { EventRecorder } from '../kube/events.ts';
import { FIELD_MANAGER } from '../render/deployment.ts';
import type { Caches } from './caches.ts';
import type { KeyMemory } from './key-memory.ts';
import type { Pass } from './pass.ts';
import { MODEL_DEPLOYMENTS } from './resources.ts';
import { rolloutEvents } from './status/rollout-events.ts';
import type { StoredModelDeployment } from './stored.ts';
import { subjectOf } from './subject.ts';

export interface StateKeeper {
  client: KubeClient;
  caches: Caches;
  events: EventRecorder;
}

/** Others write to the object meanwhile: annotations, labels. */
const TRIES = 3;

/**
 * @param before what `next` was made of
 * @returns `outdated` when another state than `before` is stored: the cache now holds it. A KubeError when it could not be
 * written, or nobody knows whether it was.
 */
export async function storeState(
  next: RolloutStatus | undefined,
  before: RolloutStatus | undefined,
  pass: Pass,
  memory: KeyMemory,
  keeper: StateKeeper,
): Promise<'stored' | 'outdated' | KubeError> {
  try {
    for (let tries = TRIES; tries > 0; tries--) {
      const { status } = pass.gathered.md;
      const { rollout: _, ...rest } = status ?? {};
      const written = await writeGuarded({ ...rest, ...(next && { rollout: next }) }, pass.gathered.md, keeper);
      if (written) {
        take(written, pass, memory, keeper);
        for (const event of rolloutEvents(before, next)) keeper.events.record(subjectOf(written), event);
        return 'stored';
      }
      const fresh = await keeper.client.get(MODEL_DEPLOYMENTS, pass.gathered.md.metadata);
      if (!fresh || fresh.metadata.uid !== pass.gathered.md.metadata.uid) return 'outdated';
      take(fresh as StoredModelDeployment, pass, undefined, keeper);
      if (!sameJson((fresh as StoredModelDeployment).status?.rollout, before)) return 'outdated';
    }
    return 'outdated';
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
}

/**
 * Writes a status over what was read and over nothing newer: whoever knows less must not undo a step of a rollout. What a
 * hand has put in beside it is taken out: an apply leaves alone what others hold, and a `since` of theirs would stand for
 * every step that follows.
 * @returns undefined when the object has changed since it was read @throws KubeError
 */
export async function writeGuarded(
  status: Status,
  { metadata }: StoredModelDeployment,
  { client }: Pick<StateKeeper, 'client'>,
): Promise<StoredModelDeployment | undefined> {
  const { name, namespace, uid, resourceVersion } = metadata;
  const body = { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace, uid, resourceVersion }, status };
  try {
    const stored = await client.applyStatus(MODEL_DEPLOYMENTS, body, { manager: FIELD_MANAGER, force: true });
    const left = leftovers(status, stored.status);
    if (!left) return stored as StoredModelDeployment;
    const without = { metadata: { uid, resourceVersion: stored.metadata.resourceVersion }, status: left };
    const options = { manager: FIELD_MANAGER, subresource: 'status' } as const;
    return (await client.patch(MODEL_DEPLOYMENTS, metadata, without, options)) as StoredModelDeployment;
  } catch (error) {
    if (error instanceof KubeError && error.code === 'Conflict') return undefined;
    throw error;
  }
}

/** A merge patch that takes out what `stored` has beyond `wanted`; lists are left alone. Undefined where there is nothing. */
function leftovers(wanted: unknown, stored: unknown): object | undefined {
  if (!isObject(wanted) || !isObject(stored)) return undefined;
  const patch: [string, object | null][] = [];
  for (const [key, value] of Object.entries(stored)) {
    if (value === undefined) continue;
    const left = wanted[key] === undefined ? null : leftovers(wanted[key], value);
    if (left !== undefined) patch.push([key, left]);
  }
  return patch.length > 0 ? Object.fromEntries(patch) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The pass goes on with the spec that it began with; an edit that came in meanwhile is looked at right after. */
function take(stored: StoredModelDeployment, pass: Pass, memory: KeyMemory | undefined, { caches }: StateKeeper): void {
  caches.models.wrote(stored);
  const { md } = pass.gathered;
  const { resourceVersion, generation } = stored.metadata;
  if (generation !== md.metadata.generation) pass.lookAgain.push(0);
  const metadata = { ...md.metadata, resourceVersion };
  const { status: _, ...rest } = md;
  pass.gathered = { ...pass.gathered, md: { ...rest, metadata, ...(stored.status && { status: stored.status }) } };
  if (memory) memory.stored = { version: resourceVersion, state: stored.status?.rollout };
}
