/** The GPU of a replica: what its pod asks for, and which nodes will do. */
import type { Serving } from '../../api/serving.ts';
import { byteCount } from '../../api/units.ts';
import { type PlannedVersion, pathOf, type RenderProblem } from './input.ts';

type Gpu = NonNullable<Serving['gpu']>;

/** An expression of a node selector term. */
export interface NodeRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt';
  values?: string[];
}

export interface GpuNeeds {
  /** Extended resources, for the container's limits. */
  resources: Record<string, string>;
  requirements: NodeRequirement[];
  tolerations: object[];
  runtimeClassName: string | undefined;
}

const NVIDIA = 'nvidia.com';
const NVIDIA_GPU = `${NVIDIA}/gpu`;
const SHARING_STRATEGY = `${NVIDIA}/gpu.sharing-strategy`;
const GPU_SLICES = `${NVIDIA}/gpu.slices.gi`;
const SHARED = ['mps', 'time-slicing'];
const MIB = 2 ** 20;

/** How each vendor labels the product of a node's GPUs. */
const PRODUCT_LABELS: Record<string, string> = {
  [NVIDIA]: `${NVIDIA}/gpu.product`,
  'amd.com': 'amd.com/gpu.product-name',
  'gpu.intel.com': 'gpu.intel.com/product',
};

export function gpuNeeds(gpu: Gpu): GpuNeeds {
  const resource = resourceOf(gpu);
  return {
    resources: resource === undefined ? {} : { [resource]: String(gpu.count ?? 1) },
    requirements: [...cut(gpu, resource), ...products(gpu), ...memory(gpu)],
    tolerations: tolerated(gpu, resource).map((key) => ({ key, operator: 'Exists', effect: 'NoSchedule' })),
    runtimeClassName: gpu.runtimeClass,
  };
}

/** The extended resource; a stated one is taken as it is. None for a claim. */
function resourceOf(gpu: Gpu): string | undefined {
  if (gpu.claim) return undefined;
  if (gpu.resource !== undefined) return gpu.resource;
  if (gpu.mig !== undefined) return `${NVIDIA}/mig-${gpu.mig}`;
  return gpu.shared ? `${NVIDIA_GPU}.shared` : NVIDIA_GPU;
}

/** Whose labels the node carries: the prefix of the resource, or of the class that is claimed from. */
function vendorOf(gpu: Gpu): string {
  if (gpu.claim) return gpu.claim.deviceClass.endsWith(NVIDIA) ? NVIDIA : gpu.claim.deviceClass;
  return (gpu.resource ?? NVIDIA_GPU).split('/')[0] as string;
}

/**
 * A whole GPU, a time-sliced share that is not renamed and a MIG slice of the strategy single are all called
 * `nvidia.com/gpu`: labels of the node are all that tells them apart.
 */
function cut(gpu: Gpu, resource: string | undefined): NodeRequirement[] {
  if (resource !== NVIDIA_GPU) return [];
  if (gpu.shared) return [{ key: SHARING_STRATEGY, operator: 'In', values: SHARED }];
  const unshared: NodeRequirement = { key: SHARING_STRATEGY, operator: 'NotIn', values: SHARED };
  // 3g.40gb has 3 slices of its GPU; the label exists where the strategy is single, and not for whole GPUs.
  return gpu.mig === undefined
    ? [unshared, { key: GPU_SLICES, operator: 'DoesNotExist' }]
    : [unshared, { key: GPU_SLICES, operator: 'In', values: [gpu.mig.split('g')[0] as string] }];
}

/** GPU Feature Discovery adds to the product how `nvidia.com/gpu` is cut: `-MIG-1g.10gb` (strategy single), `-SHARED`. */
function products(gpu: Gpu): NodeRequirement[] {
  const key = PRODUCT_LABELS[vendorOf(gpu)];
  if (!gpu.products || key === undefined) return [];
  const values = gpu.products.flatMap((product) => {
    if (gpu.resource !== NVIDIA_GPU) return [product];
    if (gpu.mig !== undefined) return [`${product}-MIG-${gpu.mig}`];
    return gpu.shared ? [product, `${product}-SHARED`] : [product];
  });
  return [{ key, operator: 'In', values: [...new Set(values)] }];
}

/**
 * Memory is labelled in whole MiB, that of a MIG slice under its own name. `Gt` is strict and takes integers, so "at
 * least 40 GiB" is "more than 40959".
 */
function memory(gpu: Gpu): NodeRequirement[] {
  if (gpu.minMemory === undefined || vendorOf(gpu) !== NVIDIA) return [];
  const sliced = gpu.mig !== undefined && gpu.resource !== NVIDIA_GPU;
  const key = `${NVIDIA}/${sliced ? `mig-${gpu.mig}` : 'gpu'}.memory`;
  const least = Math.ceil(byteCount(gpu.minMemory) / MIB);
  return [{ key, operator: 'Gt', values: [String(least - 1)] }];
}

/** GPU nodes are commonly tainted by the name of the resource, those of NVIDIA by `nvidia.com/gpu` however they are cut. */
function tolerated(gpu: Gpu, resource: string | undefined): string[] {
  const keys = vendorOf(gpu) === NVIDIA ? [NVIDIA_GPU] : [];
  if (resource !== undefined && !keys.includes(resource)) keys.push(resource);
  return keys;
}

/** What is asked for of a GPU that no label of the node can answer. */
export function gpuProblems(version: PlannedVersion): RenderProblem[] {
  const { gpu } = version.serving;
  if (!gpu) return [];
  const vendor = vendorOf(gpu);
  const unknown = [
    ...(gpu.products && !PRODUCT_LABELS[vendor] ? ['products'] : []),
    ...(gpu.minMemory !== undefined && vendor !== NVIDIA ? ['minMemory'] : []),
  ];
  const instead = gpu.claim ? 'serving.gpu.claim.selectors' : 'serving.pod.nodeSelector or affinity';
  return unknown.map((name) => ({
    severity: 'error',
    reason: 'GpuLabelUnknown',
    message: `${version.name}: no node label is known that tells ${name} of a GPU of ${vendor}; use ${instead}`,
    path: pathOf(version.name, `serving.gpu.${name}`),
  }));
}

/**
 * Whether the pod asks for an NVIDIA device in any way. One that does not must be told that it sees none: where the
 * NVIDIA runtime is the default one, it shows all GPUs of the node to a container that says nothing.
 */
export function seesNvidia({ gpu, resources }: Serving): boolean {
  if (gpu?.claim) return true;
  const asked = [...(gpu ? [resourceOf(gpu)] : []), ...Object.keys(resources?.limits ?? {})];
  return asked.some((resource) => resource?.startsWith(`${NVIDIA}/`));
}
