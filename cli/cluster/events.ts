/** Events about ModelDeployments and about all that stands behind them, in one order of time. */
import { KIND } from '../../api/model-deployment.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { KubeError } from '../../operator/kube/error.ts';
import { REVISIONS } from '../../operator/reconcile/resources.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { tableName, versionName } from '../../operator/render/names.ts';
import { listAll } from './listing.ts';
import type { EventObject, ModelDeploymentObject, RevisionObject } from './objects.ts';
import { EVENTS } from './resources.ts';

export interface EventRow {
  /** When it was last seen, RFC 3339. */
  at: string;
  count: number;
  /** `Normal` or `Warning`. */
  type: string;
  reason: string;
  namespace: string;
  /** The ModelDeployment behind it. */
  model: string;
  /** The object that it is about. */
  kind: string;
  name: string;
  message: string;
}

/** Most events that are kept, the newest. */
export const MOST_EVENTS = 1_000;

export interface EventQuery {
  /** Undefined: all. */
  namespace: string | undefined;
  warningsOnly?: boolean;
  most?: number;
}

/** Oldest first. @param all the ModelDeployments that are asked for */
export async function readEvents(
  client: KubeClient,
  all: readonly ModelDeploymentObject[],
  { namespace, warningsOnly = false, most = MOST_EVENTS }: EventQuery,
): Promise<EventRow[]> {
  const [only, second] = all;
  if (!only) return [];
  const modelOf = matcher(all, await keptRevisions(client, namespace, second ? undefined : only.metadata.name));
  const pick = (event: EventObject) => {
    if (warningsOnly && event.type !== 'Warning') return undefined;
    const model = modelOf(event);
    return model === undefined ? undefined : rowOf(event, model);
  };
  const order = (a: EventRow, b: EventRow) => Date.parse(b.at) - Date.parse(a.at);
  return (await listAll(client, EVENTS, { namespace }, { pick, most, order })).reverse();
}

/** They name versions that are gone, whose events are not. */
async function keptRevisions(client: KubeClient, namespace: string | undefined, model: string | undefined) {
  const labelSelector = model === undefined ? MODEL_LABEL : `${MODEL_LABEL}=${model}`;
  const pick = ({ metadata, data }: RevisionObject) => ({
    namespace: metadata.namespace ?? '',
    model: metadata.labels?.[MODEL_LABEL] ?? '',
    versions: [...(data?.spec?.versions ?? []), ...(data?.leaving ?? [])].map(({ name }) => name),
  });
  try {
    return await listAll(client, REVISIONS, { namespace, labelSelector }, { pick });
  } catch (error) {
    if (error instanceof KubeError && error.code === 'Forbidden') return [];
    throw error;
  }
}

type KeptRevision = Awaited<ReturnType<typeof keptRevisions>>[number];

/** Letters of a generated name that come from what it was generated for; the rest is cut off. */
const GENERATED_BASE = 58;

/** Kinds that there is one of per ModelDeployment, called as it is. */
const OF_THE_MODEL = ['Service', 'NetworkPolicy', 'PodMonitor', 'HTTPRoute', 'GRPCRoute'];

/**
 * Which ModelDeployment an event is about. By name, so that it holds for pods that are gone: their names start with that
 * of their Deployment, whose hash no other has.
 */
export function matcher(
  all: readonly ModelDeploymentObject[],
  revisions: readonly KeptRevision[] = [],
): (event: EventObject) => string | undefined {
  const models = new Map<string, ModelDeploymentObject>();
  const parts = new Map<string, string>();
  const add = (namespace: string, model: string, version: string) => {
    const name = versionName(model, version);
    parts.set(`${namespace}/${name}`, model);
    parts.set(`${namespace}/${`${name}-`.slice(0, GENERATED_BASE)}`, model);
  };
  for (const md of all) {
    const { name, namespace = '' } = md.metadata;
    models.set(`${namespace}/${name}`, md);
    parts.set(`${namespace}/${tableName(name)}`, name);
    for (const version of [...md.spec.versions, ...(md.status?.versions ?? [])]) add(namespace, name, version.name);
  }
  for (const { namespace, model, versions } of revisions) {
    if (models.has(`${namespace}/${model}`)) for (const version of versions) add(namespace, model, version);
  }
  return ({ metadata, involvedObject = {} }) => {
    const { kind = '', name = '', uid } = involvedObject;
    const namespace = involvedObject.namespace ?? metadata.namespace ?? '';
    const md = models.get(`${namespace}/${name}`);
    // One of the same name that was there before has another uid.
    if (kind === KIND) return md && (!uid || uid === md.metadata.uid) ? name : undefined;
    if (md && OF_THE_MODEL.includes(kind)) return name;
    for (const start of startsOf(name)) {
      const model = parts.get(`${namespace}/${start}`);
      if (model !== undefined) return model;
    }
    return undefined;
  };
}

/** The name, what a generator kept of it, and each shorter one that ends before a `-`. */
function* startsOf(name: string): Generator<string> {
  yield name;
  yield name.slice(0, GENERATED_BASE);
  for (let at = name.lastIndexOf('-'); at > 0; at = name.lastIndexOf('-', at - 1)) yield name.slice(0, at);
}

function rowOf(event: EventObject, model: string): EventRow {
  const { metadata, type = 'Normal', reason = '', message = '', involvedObject = {}, series, eventTime } = event;
  const at = series?.lastObservedTime || event.lastTimestamp || eventTime || metadata.creationTimestamp;
  return {
    at,
    count: series?.count ?? event.count ?? 1,
    type,
    reason,
    namespace: involvedObject.namespace ?? metadata.namespace ?? '',
    model,
    kind: involvedObject.kind ?? '',
    name: involvedObject.name ?? '',
    message,
  };
}
