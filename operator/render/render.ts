/** A ModelDeployment and a plan become Kubernetes objects. Pure: the same input gives the same text. */
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { claimProblems, claimTemplate } from './claim-template.ts';
import { tableConfigMap } from './config-map.ts';
import { deployment, type Scale, scaleOf } from './deployment.ts';
import { gpuProblems } from './gpu.ts';
import { autoscaler, autoscalingProblems } from './hpa.ts';
import {
  isServed,
  type PlannedVersion,
  type RenderOptions,
  type RenderPlan,
  type RenderProblem,
  type Subject,
  subjectOf,
} from './input.ts';
import { locate, type ModelLocation } from './model-uri.ts';
import { networkPolicy } from './network-policy.ts';
import { canonical, type KubeObject } from './objects.ts';
import { disruptionBudget } from './pdb.ts';
import { MONITORING_API, podMonitor } from './pod-monitor.ts';
import { routeProblems, routes } from './route.ts';
import { publicService, versionService } from './service.ts';

export type Rendered =
  | {
      ok: true;
      /** In the order of `STAGES`. */
      objects: KubeObject[];
      /** The size of each Deployment, by the other field manager. */
      scales: Scale[];
      warnings: RenderProblem[];
    }
  /** Nothing at all: half of a model would take requests that it cannot answer. */
  | { ok: false; problems: RenderProblem[] };

/** @throws RangeError when the plan's door is not one of its versions: a mistake of the caller */
export function render(md: ModelDeployment, plan: RenderPlan, options: RenderOptions): Rendered {
  const subject = subjectOf(md, options);
  const located = plan.versions.map((version) => ({ version, location: locate(version) }));
  const problems = [
    ...located.flatMap(({ version, location }) => problemsOf(version, location, options)),
    ...routeProblems(md, plan, options),
  ];
  if (problems.some(({ severity }) => severity === 'error')) return { ok: false, problems };
  const placed = located.flatMap(({ version, location }) => ('uri' in location ? [{ version, location }] : []));
  const objects = [
    ...modelObjects(md, subject, plan, options),
    ...placed.flatMap(({ version, location }) => versionObjects(subject, version, location, options)),
  ];
  return {
    ok: true,
    objects: inOrder(objects.map(canonical)),
    scales: plan.versions.map((version) => canonical(scaleOf(subject, version))),
    warnings: problems,
  };
}

function problemsOf(
  version: PlannedVersion,
  location: ModelLocation | RenderProblem,
  options: RenderOptions,
): RenderProblem[] {
  return [
    ...('severity' in location ? [location] : []),
    ...gpuProblems(version),
    ...claimProblems(version, options),
    ...autoscalingProblems(version),
  ];
}

function modelObjects(md: ModelDeployment, subject: Subject, plan: RenderPlan, options: RenderOptions): KubeObject[] {
  const door = plan.versions.find(({ name }) => name === plan.door);
  if (!door) throw new RangeError(`the plan for ${subject.model} has its door at ${plan.door}, which it does not run`);
  const gateway = md.spec.routing?.gateway !== undefined;
  return [
    tableConfigMap(subject, plan.table, plan.versions),
    publicService(subject, door),
    ...(options.networkPolicy ? [networkPolicy(subject, options.networkPolicy, gateway)] : []),
    ...(options.podMonitor && isServed(options, MONITORING_API) ? [podMonitor(subject, options.podMonitor)] : []),
    ...routes(md, subject, plan, options),
  ];
}

function versionObjects(
  subject: Subject,
  version: PlannedVersion,
  location: ModelLocation,
  options: RenderOptions,
): KubeObject[] {
  return [
    claimTemplate(subject, version),
    versionService(subject, version),
    deployment(subject, version, location, options),
    autoscaler(subject, version),
    disruptionBudget(subject, version),
  ].filter((object) => object !== undefined);
}

/**
 * Kinds by when they are applied. What a pod must find when it starts comes before its Deployment, what steers or leads to
 * what is there comes after it. Those of a stage need nothing of each other.
 */
export const STAGES: readonly (readonly string[])[] = [
  ['ConfigMap', 'ResourceClaimTemplate', 'NetworkPolicy', 'Service'],
  ['Deployment'],
  ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'PodMonitor', 'HTTPRoute', 'GRPCRoute'],
];
const ORDER = STAGES.flat();

function inOrder(objects: readonly KubeObject[]): KubeObject[] {
  return objects.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}
