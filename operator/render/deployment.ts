/** The Deployment of a version, and its size, which another field manager applies. */
import { metadata, type PlannedVersion, type RenderOptions, STARTUP_SECONDS, type Subject } from './input.ts';
import { selector } from './labels.ts';
import type { ModelLocation } from './model-uri.ts';
import { versionName } from './names.ts';
import type { KubeObject } from './objects.ts';
import { modelAnnotations, podTemplate } from './pod.ts';

/** Field managers of server-side apply: of every object as a whole, and of a Deployment's size. */
export const FIELD_MANAGER = 'modelship';
export const SCALE_FIELD_MANAGER = 'modelship-scale';

/** Time beyond the startup's own for a pod to be scheduled, its image to be pulled and its volumes to be mounted. */
const SCHEDULE_SECONDS = 600;

/** Says nothing of `replicas`: an autoscaler and the scale object set them. */
export function deployment(
  subject: Subject,
  version: PlannedVersion,
  location: ModelLocation,
  options: RenderOptions,
): KubeObject {
  const meta = metadata(subject, versionName(subject.model, version.name), version.name);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...meta, annotations: modelAnnotations(version) },
    spec: {
      selector: { matchLabels: selector(subject.model, version.name) },
      strategy: strategyOf(version),
      progressDeadlineSeconds: (options.startupSeconds ?? STARTUP_SECONDS) + SCHEDULE_SECONDS,
      // Nobody rolls a version back by its ReplicaSets: another model is another version.
      revisionHistoryLimit: 2,
      template: podTemplate(subject, version, location, options),
    },
  };
}

/**
 * How pods are replaced. Capacity is not given up: new pods come first. But a version that fills the GPUs it runs on
 * would wait for itself for ever, since the new pod needs what the old one holds (and a pending pod may buy a node):
 *
 * | GPUs of its own | seen room | replicas | surge | unavailable |
 * |---|---|---|---|---|
 * | no (none, or a time-sliced share) | | | 25 % | 0 |
 * | yes | free | | 1 | 0 |
 * | yes | none | | 0 | 1 |
 * | yes | not known | 2 or more | 0 | 1 |
 * | yes | not known | 1 | 1 | 0 |
 *
 * The last row would be an outage the other way; if it waits, the operator sees the pending pod and says `none`.
 */
export function strategyOf({ serving, replicas, room }: PlannedVersion): object {
  const scarce = serving.gpu !== undefined && !serving.gpu.shared;
  const inPlace = scarce && (room === 'none' || (room === undefined && replicas >= 2));
  const maxSurge = inPlace ? 0 : scarce ? 1 : '25%';
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable: inPlace ? 1 : 0 } };
}

export interface Scale {
  /** Applied under `modelship-scale`, once the Deployment is there. */
  object: KubeObject;
  /**
   * `hold`: apply whenever it differs. `once`: only when the Deployment is new, or at 0; then an autoscaler moves the number. The
   * field stays applied for good: to drop it would send the Deployment to 1.
   */
  mode: 'hold' | 'once';
}

export function scaleOf(subject: Subject, version: PlannedVersion): Scale {
  return {
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: versionName(subject.model, version.name), namespace: subject.namespace },
      spec: { replicas: version.replicas },
    },
    mode: version.serving.autoscaling && version.replicas > 0 ? 'once' : 'hold',
  };
}
