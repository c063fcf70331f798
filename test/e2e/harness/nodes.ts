/** Nodes, as who mends them takes them out and puts them back. */
import { inject } from 'vitest';
import { must } from '../node/shell.ts';
import { kubectl } from './kubectl.ts';

/** What `kubectl drain` says of a pod that its PodDisruptionBudget holds back, before it tries again after 5 s. */
export const HELD_BACK = "would violate the pod's disruption budget";

/** Those that take pods. */
export async function nodeNames(): Promise<string[]> {
  const { items } = await kubectl().get<{ items: Node[] }>('nodes');
  return items.filter(({ spec }) => !spec.unschedulable).map(({ metadata }) => metadata.name);
}

interface Node {
  metadata: { name: string };
  spec: { unschedulable?: boolean };
}

/** Moves everything off a node, and takes the node back, however that ends. @returns what kubectl said */
export async function drained(node: string): Promise<string[]> {
  const said: string[] = [];
  const args = ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=180s'];
  const env = { ...process.env, KUBECONFIG: inject('e2e').kubeconfig };
  try {
    await must('kubectl', args, { env, onLine: (line) => said.push(line) });
  } finally {
    await kubectl()('uncordon', node);
  }
  return said;
}
