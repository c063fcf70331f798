/** Nodes, as who mends them takes them out and puts them back. */
import { inject } from 'vitest';
import { must } from '../../control-plane/tools.ts';
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

/**
 * Moves everything off a node, and takes the node back, however that ends. Where it is the only one it is taken back at
 * once, so that the models' pods, which alone are moved then, have where to go. @returns what kubectl said
 */
export async function drained(node: string): Promise<string[]> {
  const only = (await nodeNames()).length === 1;
  const said: string[] = [];
  const args = ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=180s'];
  if (only) args.push('--pod-selector=modelship.dev/model');
  const back = (): Promise<string> => kubectl()('uncordon', node);
  let takenBack: Promise<string> | undefined;
  const onLine = (line: string): void => {
    said.push(line);
    if (only && line.includes('evicting pod')) takenBack ??= back();
  };
  try {
    await must('kubectl', args, { env: { ...process.env, KUBECONFIG: inject('e2e').kubeconfig }, onLine });
  } finally {
    await takenBack;
    await back();
  }
  return said;
}
