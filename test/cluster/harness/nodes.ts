/** The simulated nodes of the shared control plane, with the labels and resources that NVIDIA's components give them. */
import type { NodeSpec } from '../../control-plane/start.ts';

const NVIDIA = 'nvidia.com';
const GPU_TAINT = { key: `${NVIDIA}/gpu`, effect: 'NoSchedule' } as const;

interface Card {
  product: string;
  family: string;
  compute: string;
  /** MiB. */
  memory: number;
  count: number;
}

/** What GPU Feature Discovery says of the cards of a node; `more` replaces labels or adds some. Keys without `nvidia.com/`. */
function labels({ product, family, compute, memory, count }: Card, more: Record<string, string>) {
  const [major = '', minor = ''] = compute.split('.');
  const found = {
    'gpu.present': 'true',
    'gpu.product': product,
    'gpu.family': family,
    'gpu.count': String(count),
    'gpu.memory': String(memory),
    'gpu.replicas': '1',
    'gpu.sharing-strategy': 'none',
    'gpu.compute.major': major,
    'gpu.compute.minor': minor,
    'cuda.driver-version.full': '570.124.06',
    'cuda.runtime-version.full': '12.8',
    ...more,
  };
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [`${NVIDIA}/${key}`, value]));
}

const h200 = (name: string): NodeSpec => ({
  name,
  labels: labels(
    { product: 'NVIDIA-H200', family: 'hopper', compute: '9.0', memory: 143_771, count: 8 },
    { 'mig.capable': 'true', 'mig.strategy': 'single' },
  ),
  capacity: { [`${NVIDIA}/gpu`]: '8' },
  taints: [GPU_TAINT],
});

/** One card, cut into seven, strategy mixed: slices have resources of their own, the whole card is not for asking. */
const a100Sliced: NodeSpec = {
  name: 'a100-mig',
  labels: labels(
    { product: 'NVIDIA-A100-SXM4-80GB', family: 'ampere', compute: '8.0', memory: 81_920, count: 1 },
    {
      'mig.capable': 'true',
      'mig.strategy': 'mixed',
      'mig.config': 'all-1g.10gb',
      'mig.config.state': 'success',
      'mig-1g.10gb.product': 'NVIDIA-A100-SXM4-80GB-MIG-1g.10gb',
      'mig-1g.10gb.count': '7',
      'mig-1g.10gb.memory': '9728',
      'mig-1g.10gb.replicas': '1',
      'mig-1g.10gb.sharing-strategy': 'none',
      'mig-1g.10gb.multiprocessors': '14',
      'mig-1g.10gb.slices.ci': '1',
      'mig-1g.10gb.slices.gi': '1',
    },
  ),
  capacity: { [`${NVIDIA}/mig-1g.10gb`]: '7' },
  taints: [GPU_TAINT],
};

/** One card in four time slices under the resource's other name. The product ends in `-SHARED` only without that name. */
const l4Shared: NodeSpec = {
  name: 'l4-shared',
  labels: labels(
    { product: 'NVIDIA-L4', family: 'ada-lovelace', compute: '8.9', memory: 23_034, count: 1 },
    { 'mig.capable': 'false', 'gpu.replicas': '4', 'gpu.sharing-strategy': 'time-slicing' },
  ),
  capacity: { [`${NVIDIA}/gpu.shared`]: '4' },
  taints: [GPU_TAINT],
};

/** 3 plain, 2 with 8 H200 each, 1 A100 in MIG slices, 1 time-sliced L4; those with GPUs are tainted `nvidia.com/gpu`. */
export const NODES: readonly NodeSpec[] = [
  { name: 'plain-0' },
  { name: 'plain-1' },
  { name: 'plain-2' },
  h200('h200-0'),
  h200('h200-1'),
  a100Sliced,
  l4Shared,
];
