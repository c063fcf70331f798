/** The pods of a version: what is around the container. Fits the restricted profile of Pod Security. */
import { runtimeServingOf } from '../../api/effective.ts';
import { CLAIM, claimTemplate } from './claim-template.ts';
import { CONTAINER, mountsScratch, runtimeContainer, SCRATCH_VOLUME, TABLE_VOLUME } from './container.ts';
import { gpuNeeds, type NodeRequirement } from './gpu.ts';
import { DRAIN_SECONDS, type PlannedVersion, type RenderOptions, type Subject } from './input.ts';
import { labels, MODEL_SHA256_ANNOTATION, MODEL_URI_ANNOTATION, selector } from './labels.ts';
import { type ModelLocation, publicUri, volumesOf } from './model-uri.ts';
import { tableName } from './names.ts';

/** What is left to finish after the longest request, seconds. */
const MARGIN_SECONDS = 15;

/**
 * The template holds nothing that changes while traffic moves (no share, size or revision): a change of the template
 * replaces the pods.
 */
export function podTemplate(
  subject: Subject,
  version: PlannedVersion,
  location: ModelLocation,
  options: RenderOptions,
): object {
  const { pod } = version.serving;
  const needs = version.serving.gpu && gpuNeeds(version.serving.gpu);
  const claim = claimTemplate(subject, version);
  const tolerations = [...(pod?.tolerations ?? []), ...(needs?.tolerations ?? [])];
  return {
    metadata: {
      labels: {
        ...labels(subject.model, version.name),
        ...pod?.labels,
        ...selector(subject.model, version.name),
      },
      annotations: {
        'kubectl.kubernetes.io/default-container': CONTAINER,
        ...pod?.annotations,
        ...modelAnnotations(version),
      },
    },
    spec: {
      serviceAccountName: pod?.serviceAccountName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // Kubernetes adds those of the ServiceAccount only to a pod that names none.
      imagePullSecrets: pod?.imagePullSecrets ?? options.imagePullSecrets,
      priorityClassName: pod?.priorityClassName,
      runtimeClassName: needs?.runtimeClassName,
      // No user is named: the image has one, and OpenShift gives each namespace its own.
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      terminationGracePeriodSeconds: graceSeconds(version, options),
      nodeSelector: pod?.nodeSelector,
      affinity: withRequirements(pod?.affinity, needs?.requirements ?? []),
      tolerations: tolerations.length === 0 ? undefined : tolerations,
      topologySpreadConstraints: pod?.topologySpreadConstraints ?? spread(subject, version),
      resourceClaims: claim && [{ name: CLAIM, resourceClaimTemplateName: claim.metadata.name }],
      containers: [runtimeContainer(subject, version, location, options)],
      volumes: volumes(subject, version, location),
    },
  };
}

export function modelAnnotations({ model }: PlannedVersion): Record<string, string> {
  return {
    [MODEL_URI_ANNOTATION]: publicUri(model.uri),
    ...(model.sha256 === undefined ? {} : { [MODEL_SHA256_ANNOTATION]: model.sha256 }),
  };
}

/** Longer than endpoints take to forget the pod and then the longest request takes to end. */
export function graceSeconds(version: PlannedVersion, options: RenderOptions): number {
  const { timeoutMs } = runtimeServingOf(version.serving).limits;
  return (options.drainSeconds ?? DRAIN_SECONDS) + Math.ceil(timeoutMs / 1_000) + MARGIN_SECONDS;
}

/** Over hosts and zones where possible. `pod-template-hash` keeps the pods of an update apart from those they replace. */
function spread({ model }: Subject, { name }: PlannedVersion): object[] {
  return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selector(model, name) },
    matchLabelKeys: ['pod-template-hash'],
  }));
}

function volumes({ model }: Subject, { serving }: PlannedVersion, location: ModelLocation): object[] {
  return [
    { name: TABLE_VOLUME, configMap: { name: tableName(model) } },
    ...(mountsScratch(serving.pod?.volumeMounts) ? [] : [{ name: SCRATCH_VOLUME, emptyDir: {} }]),
    ...volumesOf(location),
    ...(serving.pod?.volumes ?? []),
  ];
}

type Passthrough = Record<string, unknown>;
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/**
 * The user's affinity with more that a node must have. Terms are alternatives, so ours go into each of them; an empty
 * term matches no node and stays empty, or it would match some.
 */
export function withRequirements(
  affinity: Passthrough | undefined,
  requirements: readonly NodeRequirement[],
): Passthrough | undefined {
  if (requirements.length === 0) return affinity;
  const nodeAffinity = (affinity?.nodeAffinity ?? {}) as Passthrough;
  const required = (nodeAffinity[REQUIRED] ?? {}) as Passthrough;
  const stated = (required.nodeSelectorTerms ?? []) as Passthrough[];
  const terms = stated.map((term) =>
    Object.keys(term).length === 0
      ? term
      : { ...term, matchExpressions: [...((term.matchExpressions ?? []) as object[]), ...requirements] },
  );
  const nodeSelectorTerms = terms.length === 0 ? [{ matchExpressions: [...requirements] }] : terms;
  return { ...affinity, nodeAffinity: { ...nodeAffinity, [REQUIRED]: { ...required, nodeSelectorTerms } } };
}
