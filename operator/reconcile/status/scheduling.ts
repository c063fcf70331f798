/** Why no node takes a pod: the scheduler's words, and for GPUs which nodes would do. */
import type { Serving } from '../../../api/serving.ts';
import { quantityNumber } from '../../../api/units.ts';
import { gpuNeeds, type NodeRequirement } from '../../render/gpu.ts';
import type { Pod } from '../pod.ts';
import type { NodeFacts } from './facts.ts';
import type { Failure } from './failure.ts';
import { cut, oneLine } from './words.ts';

type Gpu = NonNullable<Serving['gpu']>;

/** An autoscaler of nodes may mend it; after this long it is said to be stuck, ms. */
export const NODE_PATIENCE_MS = 120_000;
const PRODUCT_LABELS = ['nvidia.com/gpu.product', 'amd.com/gpu.product-name', 'gpu.intel.com/product'];
const LISTED_PRODUCTS = 5;
const WORDS = 512;

/** @param now RFC 3339 */
export function unschedulable(
  pod: Pod,
  { gpu }: Serving,
  nodes: readonly NodeFacts[],
  now: string,
): Failure | undefined {
  const condition = unscheduledCondition(pod);
  if (!condition) return undefined;
  const said = schedulerWords(condition.message);
  const words = [gpu && gpuWords(gpu, nodes, said), said && `${gpu ? 'the scheduler says: ' : ''}${said}`];
  const { name } = pod.metadata;
  return {
    reason: 'Unschedulable',
    code: 'Unschedulable',
    message: `pod ${name} cannot be scheduled: ${words.filter(Boolean).join('; ') || 'the scheduler does not say why'}`,
    lasting: stuckAt(pod) <= Date.parse(now),
    pod: name,
  };
}

/** When waiting is no longer worth it, ms since 1970; ∞ for a pod that is not unschedulable. */
export function stuckAt(pod: Pod): number {
  const condition = unscheduledCondition(pod);
  if (!condition) return Number.POSITIVE_INFINITY;
  return Date.parse(condition.lastTransitionTime ?? pod.metadata.creationTimestamp) + NODE_PATIENCE_MS;
}

function unscheduledCondition({ metadata, status }: Pod) {
  if (metadata.deletionTimestamp) return undefined;
  return status.conditions?.find(
    ({ type, status: holds, reason }) => type === 'PodScheduled' && holds === 'False' && reason === 'Unschedulable',
  );
}

/** What it says of preemption repeats it, and what it says of claims before that is of no use to anybody. */
function schedulerWords(message = ''): string {
  const said = oneLine(message.replace(/\bpreemption:.*$/s, ''));
  return cut(said.replace(/(?:\b(?:no new claims to deallocate|still not schedulable)\b|[.,\s])+$/, ''), WORDS);
}

/** Undefined for a claim, which no node counts, and while no node is known. */
function gpuWords(gpu: Gpu, nodes: readonly NodeFacts[], said: string): string | undefined {
  const { resources, requirements } = gpuNeeds(gpu);
  const [asked] = Object.entries(resources);
  if (!asked || nodes.length === 0) return undefined;
  const [resource, amount] = asked;
  const count = Number(amount);
  const what = nameOf(gpu, resource);
  const total = nodes.length;
  const labelled = nodes.filter(({ labels }) => requirements.every((requirement) => meets(labels, requirement)));
  const fitting = labelled.filter((node) => amountOf(node, resource) >= count);
  if (fitting.length === 0) return noneFits(gpu, nodes, labelled, { resource, count, what });
  const have = `${ofNodes(fitting.length, total, 'has', 'have')} ${counted(count, what)}`;
  if (fitting.every(({ ready, unschedulable: cordoned }) => !ready || cordoned))
    return `${have}, cordoned or not ready`;
  if (!said.includes(`Insufficient ${resource}`)) return `${have}, and the pod fits on none of them`;
  return `0 of ${total} nodes have ${count > 1 ? `${count} free` : 'a free'} ${what} (${fitting.length} with it, in use)`;
}

interface Asked {
  resource: string;
  count: number;
  what: string;
}

/** @param labelled those whose labels are as asked for */
function noneFits(
  { products }: Gpu,
  nodes: readonly NodeFacts[],
  labelled: readonly NodeFacts[],
  { resource, count, what }: Asked,
): string {
  const none = `no node of ${nodes.length} has ${counted(count, what)}`;
  const most = Math.max(0, ...labelled.map((node) => amountOf(node, resource)));
  if (most > 0) return `${none}: the largest has ${most}`;
  if (!products || labelled.length === 0) return `${none} (${inventory(nodes)})`;
  const are = ofNodes(labelled.length, nodes.length, 'is', 'are');
  return `${are} labelled ${what} without any ${resource} to offer: does its device plugin run there?`;
}

function ofNodes(some: number, total: number, one: string, many: string): string {
  return `${some} of ${total} nodes ${some === 1 ? one : many}`;
}

function counted(count: number, what: string): string {
  return count > 1 ? `${count} ${what}` : what;
}

/** `NVIDIA-H200`, `1g.10gb slice of NVIDIA-H200`, `nvidia.com/gpu with 40Gi`. */
function nameOf({ products, mig, shared, minMemory }: Gpu, resource: string): string {
  const product = products?.join(' or ');
  const part = mig === undefined ? (shared ? 'share of ' : '') : `${mig} slice of `;
  const memory = minMemory === undefined ? '' : ` with ${minMemory} of memory`;
  return `${part}${product ?? (part ? 'a GPU' : resource)}${memory}`;
}

function meets(labels: NodeFacts['labels'], { key, operator, values = [] }: NodeRequirement): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
  }
}

function amountOf({ allocatable }: NodeFacts, resource: string): number {
  const amount = quantityNumber(allocatable[resource] ?? 0);
  return Number.isFinite(amount) ? amount : 0;
}

/** Products by how many nodes have them. */
function inventory(nodes: readonly NodeFacts[]): string {
  const counts = new Map<string, number>();
  for (const { labels } of nodes) {
    const product = PRODUCT_LABELS.map((key) => labels[key]).find((value) => value !== undefined);
    if (product !== undefined) counts.set(product, (counts.get(product) ?? 0) + 1);
  }
  const known = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (known.length === 0) return 'none is labelled with a GPU';
  const more = known.length > LISTED_PRODUCTS ? ' and others' : '';
  const listed = known.slice(0, LISTED_PRODUCTS).map(([product, count]) => `${product} ×${count}`);
  return `there are: ${listed.join(', ')}${more}`;
}
