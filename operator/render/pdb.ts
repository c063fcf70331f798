/** The PodDisruptionBudget of a version. */
import { metadata, type PlannedVersion, type Subject } from './input.ts';
import { selector } from './labels.ts';
import { versionName } from './names.ts';
import type { KubeObject } from './objects.ts';

/**
 * Lets a drain take one pod at a time. None for a single replica: it could only be kept by blocking the drain. Pods
 * that are not ready may always be evicted, or one that never starts would hold its node for ever.
 */
export function disruptionBudget(subject: Subject, version: PlannedVersion): KubeObject | undefined {
  if (version.replicas < 2) return undefined;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(subject, versionName(subject.model, version.name), version.name),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selector(subject.model, version.name) },
    },
  };
}
