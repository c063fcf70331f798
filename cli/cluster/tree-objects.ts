/** Services, tables, autoscalers and the like as nodes of the tree. Pure. */
import { TRAFFIC_TABLE_FILE, type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import { percentOf } from '../../api/units.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { isReady } from '../../operator/reconcile/pod.ts';
import { VERSION_LABEL } from '../../operator/render/labels.ts';
import { counted, percentText } from '../numbers.ts';
import type { Family } from './gather.ts';
import type { Health, TreeNode } from './node.ts';
import {
  type AutoscalerObject,
  type BudgetObject,
  type ConfigMapObject,
  ownedBy,
  type ServiceObject,
  versionOf,
} from './objects.ts';
import { NONE, oneLine } from './words.ts';

function leaf({ kind, metadata }: StoredObject, health: Health, words: string, notes: string[] = []): TreeNode {
  return { kind, name: metadata.name, health, words, notes, children: [] };
}

export function headlessServiceNode(service: ServiceObject, family: Family): TreeNode {
  const ready = readyEndpoints(service, family);
  return leaf(service, ready > 0 ? 'ok' : 'waiting', `headless, ${counted(ready, 'ready endpoint')}`);
}

export function publicServiceNode(service: ServiceObject, family: Family): TreeNode {
  const door = service.spec?.selector?.[VERSION_LABEL];
  const ready = readyEndpoints(service, family);
  const where = door ? `public, leads to ${door}` : 'public, leads to no version';
  const notes = ready > 0 ? [] : ['no pod behind it is ready: requests fail'];
  return leaf(service, ready > 0 ? 'ok' : 'failing', `${where}, ${counted(ready, 'ready endpoint')}`, notes);
}

/** As the cluster's own lists say; where they may not be read, as many as there are ready pods. */
function readyEndpoints({ metadata, spec }: ServiceObject, { slices, pods, unreadable }: Family): number {
  if (unreadable.some(({ kind }) => kind === 'EndpointSlice')) {
    const version = spec?.selector?.[VERSION_LABEL];
    return pods.filter((pod) => versionOf(pod) === version && isReady(pod)).length;
  }
  return slices
    .filter((slice) => ownedBy(slice, metadata.uid))
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false).length;
}

export function tableNode(configMap: ConfigMapObject): TreeNode {
  const table = tableIn(configMap);
  if (!table) {
    const note = `${TRAFFIC_TABLE_FILE} in it is missing, or no traffic table`;
    return leaf(configMap, 'failing', 'traffic table, not readable', [note]);
  }
  const shares = table.versions.map(({ name, share }) => `${name} ${percentText(percentOf(share))}`);
  return leaf(configMap, 'ok', `traffic table, revision ${table.revision}: ${shares.join(', ')}`);
}

function tableIn({ data }: ConfigMapObject): TrafficTable | undefined {
  try {
    return trafficTable.parse(JSON.parse(data?.[TRAFFIC_TABLE_FILE] ?? ''));
  } catch {
    return undefined;
  }
}

export function autoscalerNode(autoscaler: AutoscalerObject): TreeNode {
  const { spec = {}, status = {} } = autoscaler;
  const { currentReplicas = 0, desiredReplicas = currentReplicas, conditions = [] } = status;
  const blind = conditions.filter(
    ({ type, status: holds }) => (type === 'ScalingActive' || type === 'AbleToScale') && holds === 'False',
  );
  const toward = desiredReplicas === currentReplicas ? '' : `, going to ${desiredReplicas}`;
  const words = `${spec.minReplicas ?? 1} to ${spec.maxReplicas ?? NONE}, now ${currentReplicas}${toward}`;
  const notes = blind.map(({ reason, message }) => oneLine(`${reason ?? 'NotActive'}: ${message ?? ''}`));
  return leaf(autoscaler, blind.length > 0 ? 'failing' : 'ok', words, notes);
}

export function budgetNode(budget: BudgetObject): TreeNode {
  const { spec = {}, status } = budget;
  const rule =
    spec.maxUnavailable === undefined ? `at least ${spec.minAvailable} up` : `at most ${spec.maxUnavailable} down`;
  const allowed = status?.disruptionsAllowed;
  return leaf(budget, 'ok', `${rule}${allowed === undefined ? '' : `, ${allowed} may be evicted now`}`);
}

export function otherNode(object: StoredObject): TreeNode {
  return leaf(object, 'none', 'there');
}

export function foreignNode(object: StoredObject): TreeNode {
  const owner = object.metadata.ownerReferences?.[0];
  const whose = owner ? `it belongs to ${owner.kind} ${owner.name}` : 'it belongs to nobody';
  return leaf(object, 'failing', 'not ours', [
    `the name is needed here, and ${whose}: delete or rename it, or rename the ModelDeployment`,
  ]);
}
