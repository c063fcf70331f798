/** What is kept of a node: enough to say why a pod found no place. */
import type { StoredObject } from '../kube/object.ts';
import type { NodeFacts } from './status/facts.ts';

export interface StoredNode extends StoredObject {
  facts: NodeFacts;
}

interface RawNode extends StoredObject {
  spec?: { unschedulable?: boolean };
  status?: { allocatable?: Record<string, string>; conditions?: { type: string; status: string }[] };
}

export function slimNode(object: StoredObject): StoredNode {
  const { metadata, spec, status } = object as RawNode;
  const { name, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid, resourceVersion, creationTimestamp },
    facts: {
      name,
      labels: metadata.labels ?? {},
      allocatable: status?.allocatable ?? {},
      unschedulable: spec?.unschedulable === true,
      ready: status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    },
  };
}
