/** All that stands behind a ModelDeployment, as a tree with the health of each part. Pure. */
import { effectiveServing } from '../../api/effective.ts';
import type { Status } from '../../api/status.ts';
import { versionName } from '../../operator/render/names.ts';
import { counted } from '../numbers.ts';
import { endOf } from '../rollout/view.ts';
import { stepText } from '../rollout/words.ts';
import type { Family } from './gather.ts';
import type { Health, TreeNode } from './node.ts';
import { type DeploymentObject, versionOf } from './objects.ts';
import { podNode } from './pod-words.ts';
import {
  autoscalerNode,
  budgetNode,
  foreignNode,
  headlessServiceNode,
  otherNode,
  publicServiceNode,
  tableNode,
} from './tree-objects.ts';
import { conditionOf, oneLine, shareWords, shortDigest } from './words.ts';

type VersionStatus = NonNullable<Status['versions']>[number];

/** @param now ms since 1970 */
export function treeOf(family: Family, now: number): TreeNode {
  const { md, unreadable } = family;
  const { name } = md.metadata;
  const ready = conditionOf(md.status, 'Ready');
  const rollout = md.status?.rollout;
  const health: Record<string, Health> = { True: 'ok', False: 'failing' };
  return {
    kind: md.kind,
    name,
    health: ready ? (health[ready.status] ?? 'waiting') : 'waiting',
    words: [
      ready ? (ready.status === 'True' ? 'ready' : 'not ready') : 'no status yet',
      ...(rollout ? [`rollout ${rollout.phase}${endOf(rollout) ? '' : `, ${stepText(rollout)}`}`] : []),
    ].join(', '),
    notes: unreadable
      .toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
      .map(({ kind, reason }) => `${kind}s cannot be read and are left out: ${reason}`),
    children: [...versionNames(family).map((version) => versionNode(family, version, now)), ...sharedNodes(family)],
  };
}

/** Listed ones in the order of the list, then those that are leaving. */
function versionNames({ md, deployments }: Family): string[] {
  const stated = md.spec.versions.map(({ name }) => name);
  const reported = md.status?.versions?.map(({ name }) => name) ?? [];
  const running = deployments.map(versionOf).filter((name) => name !== undefined);
  return [...new Set([...stated, ...reported, ...running])];
}

const PHASE_HEALTH: Record<VersionStatus['phase'], Health> = {
  Pending: 'waiting',
  Starting: 'waiting',
  Ready: 'ok',
  Degraded: 'failing',
  Failed: 'failing',
  Retiring: 'waiting',
  Withdrawn: 'failing',
};

function versionNode(family: Family, version: string, now: number): TreeNode {
  const { md } = family;
  const reported = md.status?.versions?.find(({ name }) => name === version);
  const stated = md.spec.versions.find(({ name }) => name === version);
  return {
    kind: 'Version',
    name: version,
    health: reported ? PHASE_HEALTH[reported.phase] : 'waiting',
    words: [...(stated ? [] : ['no longer listed']), ...versionWords(reported, stated?.shadow)].join(', '),
    notes: reported?.failure ? [`${reported.failure.code}: ${oneLine(reported.failure.message)}`] : [],
    children: versionObjects(family, version, now),
  };
}

function versionWords(reported: VersionStatus | undefined, shadow: number | undefined): string[] {
  if (!reported) return ['no status yet'];
  const { phase, traffic, trafficInForce, digest, model } = reported;
  return [
    phase,
    shadow ? `gets copies of ${shadow}%` : shareWords(traffic, trafficInForce),
    ...(model && model !== 'Loaded' ? [`model ${model}`] : []),
    ...(digest ? [`sha256 ${shortDigest(digest)}`] : []),
  ];
}

function versionObjects(family: Family, version: string, now: number): TreeNode[] {
  const { md, services, autoscalers, budgets, others, foreign } = family;
  const name = versionName(md.metadata.name, version);
  const ofIt = <T extends Parameters<typeof versionOf>[0]>(objects: readonly T[]) =>
    objects.filter((object) => versionOf(object) === version);
  const headless = ofIt(services);
  const taken = foreign.filter((object) => object.metadata.name === name);
  const isTaken = (kind: string) => taken.some((object) => object.kind === kind);
  return [
    ...deploymentNodes(family, version, now),
    ...headless.map((service) => headlessServiceNode(service, family)),
    ...(headless.length === 0 && !isTaken('Service') ? missing(family, 'Service', name) : []),
    ...ofIt(autoscalers).map(autoscalerNode),
    ...(ofIt(autoscalers).length === 0 && isAutoscaled(family, version) && !isTaken('HorizontalPodAutoscaler')
      ? missing(family, 'HorizontalPodAutoscaler', name)
      : []),
    ...ofIt(budgets).map(budgetNode),
    ...ofIt(others).map(otherNode),
    ...taken.map(foreignNode),
  ];
}

function isAutoscaled({ md }: Family, version: string): boolean {
  const stated = md.spec.versions.find(({ name }) => name === version);
  return stated !== undefined && effectiveServing(md.spec, stated).autoscaling !== undefined;
}

function deploymentNodes(family: Family, version: string, now: number): TreeNode[] {
  const { md, deployments, pods, foreign } = family;
  const name = versionName(md.metadata.name, version);
  const ofIt = pods.filter((pod) => versionOf(pod) === version).map((pod) => podNode(pod, now));
  const own = deployments.filter((deployment) => versionOf(deployment) === version);
  if (own.length > 0) return own.map((deployment) => deploymentNode(deployment, ofIt));
  const taken = foreign.some((object) => object.kind === 'Deployment' && object.metadata.name === name);
  return [...(taken ? [] : missing(family, 'Deployment', name)), ...ofIt];
}

/** Nothing where the kind could not be read: then nobody knows. */
export function missing({ unreadable }: Family, kind: string, name: string): TreeNode[] {
  if (unreadable.some((each) => each.kind === kind)) return [];
  return [{ kind, name, health: 'waiting', words: 'not there yet', notes: [], children: [] }];
}

const WORST_FIRST: Record<Health, number> = { failing: 0, waiting: 1, none: 2, ok: 3 };

function deploymentNode({ metadata, spec, status = {} }: DeploymentObject, pods: TreeNode[]): TreeNode {
  const wanted = spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, replicas = 0, conditions = [] } = status;
  const seen = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const broken = conditions.filter(
    ({ type, status: holds }) =>
      (type === 'Progressing' && holds === 'False') || (type === 'ReplicaFailure' && holds === 'True'),
  );
  const whole = seen && readyReplicas >= wanted && updatedReplicas >= wanted && replicas <= wanted;
  const replacing = updatedReplicas < Math.min(replicas, wanted) ? [`${updatedReplicas} up to date`] : [];
  const failing = broken.length > 0 || pods.some((pod) => pod.health === 'failing');
  return {
    kind: 'Deployment',
    name: metadata.name,
    health: failing ? 'failing' : whole ? 'ok' : 'waiting',
    words: [`${readyReplicas} of ${counted(wanted, 'replica')} ready`, ...replacing].join(', '),
    notes: broken.map(({ reason, message }) => oneLine(`${reason ?? 'Failed'}: ${message ?? ''}`)),
    children: pods.toSorted((a, b) => WORST_FIRST[a.health] - WORST_FIRST[b.health]),
  };
}

function sharedNodes(family: Family): TreeNode[] {
  const { md, configMaps, others, foreign } = family;
  const { name } = md.metadata;
  const shared = foreign.filter(
    (object) => ![...versionNames(family)].some((v) => object.metadata.name === versionName(name, v)),
  );
  const isTaken = (kind: string) => shared.some((object) => object.kind === kind);
  const service = family.services.find((object) => versionOf(object) === undefined);
  return [
    ...(service ? [publicServiceNode(service, family)] : isTaken('Service') ? [] : missing(family, 'Service', name)),
    ...configMaps.map(tableNode),
    ...(configMaps.length === 0 && !isTaken('ConfigMap') ? missing(family, 'ConfigMap', `${name}-traffic`) : []),
    ...others.filter((object) => versionOf(object) === undefined).map(otherNode),
    ...shared.map(foreignNode),
  ];
}
