/** Dynamic Resource Allocation: the ResourceClaimTemplate of a version. */
import {
  isServed,
  metadata,
  type PlannedVersion,
  pathOf,
  type RenderOptions,
  type RenderProblem,
  type Subject,
} from './input.ts';
import { claimTemplateName } from './names.ts';
import type { KubeObject } from './objects.ts';

export const RESOURCE_API = 'resource.k8s.io/v1';
/** Name of the claim within the pod, and of the request within the claim. */
export const CLAIM = 'gpu';

/** None for a version that claims nothing. */
export function claimTemplate(subject: Subject, version: PlannedVersion): KubeObject | undefined {
  const { claim } = version.serving.gpu ?? {};
  if (!claim) return undefined;
  const devices = {
    requests: [
      {
        name: CLAIM,
        exactly: {
          deviceClassName: claim.deviceClass,
          allocationMode: 'ExactCount',
          count: claim.count ?? 1,
          selectors: claim.selectors?.map((expression) => ({ cel: { expression } })),
        },
      },
    ],
  };
  return {
    apiVersion: RESOURCE_API,
    kind: 'ResourceClaimTemplate',
    metadata: metadata(subject, claimTemplateName(subject.model, version.name, devices), version.name),
    spec: { spec: { devices } },
  };
}

export function claimProblems(version: PlannedVersion, options: RenderOptions): RenderProblem[] {
  if (!version.serving.gpu?.claim || isServed(options, RESOURCE_API)) return [];
  return [
    {
      severity: 'error',
      reason: 'ClaimNotServed',
      message:
        `${version.name} claims its GPU, and this cluster does not serve ${RESOURCE_API}: it comes with ` +
        'Kubernetes 1.34; until then ask for a GPU by count, mig or shared',
      path: pathOf(version.name, 'serving.gpu.claim'),
    },
  ];
}
