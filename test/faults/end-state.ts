/** What a history ends in: all objects of its namespace that matter, without what differs from run to run. */
import { TRAFFIC_TABLE_FILE } from '../../api/traffic-table.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { MODEL_LABEL } from '../../operator/render/labels.ts';
import { type Api, pathOf } from './api.ts';
import { digestOf, tableOf } from './reports.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Normalised objects by `PLURAL/NAME`. */
export type EndState = Record<string, Json>;

const KINDS = [
  'deployments',
  'services',
  'configmaps',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'networkpolicies',
] as const;

export async function endState(api: Api, namespace: string): Promise<EndState> {
  const labelled = `?labelSelector=${MODEL_LABEL}`;
  const lists = await Promise.all(
    KINDS.map(async (plural) => ({ plural, ...(await api.list(pathOf(plural, namespace) + labelled)) })),
  );
  const mds = await api.list(pathOf('modeldeployments', namespace));
  const revisions = await api.list(pathOf('controllerrevisions', namespace) + labelled);
  const state: EndState = {};
  for (const { plural, items } of lists) {
    for (const item of items) state[`${plural}/${item.metadata.name}`] = normalised(plural, item, namespace);
  }
  for (const md of mds.items)
    state[`modeldeployments/${md.metadata.name}`] = normalised('modeldeployments', md, namespace);
  const [newest] = revisions.items.toSorted((a, b) => Number(b.revision) - Number(a.revision));
  // What the revisions before it say depends on which edits were seen, and when.
  if (newest) state['controllerrevisions/newest'] = { spec: specOf(newest) };
  return state;
}

function specOf({ data }: StoredObject): Json {
  return ((data as { spec?: Json } | undefined)?.spec ?? null) as Json;
}

/** Of annotations: what counts changes, or is a hash over what is different by nature. */
const COUNTED = [
  'deployment.kubernetes.io/revision',
  'modelship.dev/applied',
  'modelship.dev/table-hash',
  'modelship.dev/lost-traffic',
];

/** One object without uid, versions, times, counts and what carries its namespace. */
export function normalised(plural: string, object: StoredObject, namespace: string): Json {
  const { metadata } = object;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !COUNTED.includes(key));
  const kept = {
    labels: metadata.labels ?? {},
    annotations: Object.fromEntries(annotations),
    owners: (metadata.ownerReferences ?? []).map(({ kind, name, controller }) => `${kind} ${name} ${controller}`),
    deleting: metadata.deletionTimestamp !== undefined,
    managers: managersOf(metadata.managedFields),
    ...contentOf(plural, object),
  };
  return cleaned(JSON.parse(JSON.stringify(kept)) as Json, namespace);
}

/** Who owns which fields, of those that write for us. */
function managersOf(managedFields: unknown): unknown {
  const entries = (managedFields ?? []) as {
    manager: string;
    operation: string;
    subresource?: string;
    fieldsV1: object;
  }[];
  const ours = entries.filter(({ manager }) => manager.startsWith('modelship'));
  return Object.fromEntries(
    ours.map(({ manager, operation, subresource, fieldsV1 }) => [
      `${manager} ${operation} ${subresource ?? ''}`.trim(),
      fieldsV1,
    ]),
  );
}

function contentOf(plural: string, object: StoredObject): object {
  switch (plural) {
    case 'configmaps':
      return { table: sharesOf(object) };
    case 'services': {
      const { clusterIP, clusterIPs: _, ...spec } = object.spec as Record<string, unknown>;
      return { spec: { ...spec, headless: clusterIP === 'None' } };
    }
    case 'deployments': {
      const { replicas, readyReplicas, updatedReplicas, availableReplicas } = (object.status ?? {}) as Record<
        string,
        Json
      >;
      return { spec: object.spec, status: { replicas, readyReplicas, updatedReplicas, availableReplicas } };
    }
    case 'modeldeployments':
      return { spec: object.spec, status: statusOf(object) };
    default:
      return { spec: object.spec };
  }
}

/** The revision counts how often the table changed, and which slots are whose is a matter of the way there. */
function sharesOf(configMap: StoredObject): object {
  const { [TRAFFIC_TABLE_FILE]: _, ...others } = (configMap.data ?? {}) as Record<string, string>;
  const { revision: __, versions = [], ...table } = { revision: 0, ...tableOf(configMap) };
  return {
    others,
    ...table,
    versions: versions.map(({ ranges: ___, digest, ...row }) => ({ ...row, ...strange(row.name, digest) })),
  };
}

/** A digest comes with the next table that is written anyway, so it may be there or not; not another one. */
function strange(version: string, digest: string | undefined): object {
  return digest === undefined || digest === digestOf(version) ? {} : { digest };
}

function statusOf({ status, metadata }: StoredObject): object {
  const { observedGeneration, ...rest } = (status ?? {}) as { observedGeneration?: number };
  return { ...rest, current: observedGeneration === metadata.generation };
}

/** Keys that tell when, or how often. */
const DROPPED = ['lastTransitionTime', 'observedGeneration', 'f:modelship.dev/lost-traffic'];

function cleaned(value: Json, namespace: string): Json {
  if (typeof value === 'string') return cleanText(value, namespace);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, namespace));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => !DROPPED.includes(key));
  return Object.fromEntries(entries.map(([key, inner]) => [cleanText(key, namespace), cleaned(inner, namespace)]));
}

/** Names of pods end in what the ReplicaSet and the pod were given by chance; revisions are counted. */
function cleanText(text: string, namespace: string): string {
  return text
    .replaceAll(namespace, 'NAMESPACE')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\b([a-z0-9-]+-[0-9a-f]{8})-[a-z0-9]{6,10}-[a-z0-9]{5}\b/g, '$1-POD')
    .replace(/\brevision \d+/g, 'revision N');
}

const MOST_DIFFERENCES = 20;

/** Each difference in words, `PATH: this, not that`; empty when the two are equal. */
export function differences(actual: Json, expected: Json, path = ''): string[] {
  if (isMap(actual) && isMap(expected)) {
    const keys = [...new Set([...Object.keys(actual), ...Object.keys(expected)])].sort();
    return keys
      .flatMap((key) => differences(actual[key] ?? null, expected[key] ?? null, path === '' ? key : `${path}.${key}`))
      .slice(0, MOST_DIFFERENCES);
  }
  if (Array.isArray(actual) && Array.isArray(expected) && actual.length === expected.length) {
    return actual.flatMap((item, index) => differences(item, expected[index] ?? null, `${path}[${index}]`));
  }
  const [is, should] = [actual, expected].map((value) => JSON.stringify(value));
  return is === should ? [] : [`${path}: ${short(is)}, not ${short(should)}`];
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const short = (text = 'nothing'): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
