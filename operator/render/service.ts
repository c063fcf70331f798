/** Services: one headless per version, and the public one. */
import { metadata, type PlannedVersion, type Subject } from './input.ts';
import { selector } from './labels.ts';
import { versionName } from './names.ts';
import type { KubeObject } from './objects.ts';
import { directPorts, entryPorts, servicePorts, speaksGrpc } from './ports.ts';

/**
 * Direct ports of a version, for forwards, mirrors and gateway routes. Only ready pods are in it: a request that is
 * forwarded to a pod still loading, or already leaving, would be a failure counted against the version. Reports, which
 * are wanted of pods that are not ready, are read by pod IP and need no name.
 */
export function versionService(subject: Subject, version: PlannedVersion): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(subject, versionName(subject.model, version.name), version.name),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: false,
      selector: selector(subject.model, version.name),
      ports: servicePorts(directPorts(speaksGrpc(version.serving))),
    },
  };
}

/** Entry ports of the version behind the door. Any pod there splits, so the primary's own share pays no extra hop. */
export function publicService(subject: Subject, door: PlannedVersion): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(subject, subject.model),
    spec: {
      type: 'ClusterIP',
      publishNotReadyAddresses: false,
      selector: selector(subject.model, door.name),
      ports: servicePorts(entryPorts(speaksGrpc(door.serving))),
    },
  };
}
