/** What a user does to one ModelDeployment, from its creation to its last edit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, KIND, type ModelDeploymentSpec, type Version } from '../../api/model-deployment.ts';
import type { Condition, Status } from '../../api/status.ts';
import type { Random } from '../../operator/kube/clock.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { versionName } from '../../operator/render/names.ts';
import { type Api, pathOf } from './api.ts';

export const MODEL = 'digits';

export interface Step {
  /** As a sentence, for a test that fails. */
  what: string;
  spec: ModelDeploymentSpec;
  /** Beside a status that says Ready of this very spec. */
  until?: (api: Api, namespace: string) => Promise<boolean>;
}

const PATHS: Record<string, number> = { v1: 1, v2: 2, v3: 3 };

function version(name: string, traffic: number, more: Partial<Version> = {}): Version {
  const uri = `https://models.example.com/digits/${PATHS[name]}/model.onnx`;
  return { name, model: { uri }, traffic, ...more };
}

const resources = { requests: { cpu: '50m', memory: '64Mi' } };
const serving = { replicas: 2, resources };
const rolled = { ...serving, pod: { env: [{ name: 'LOG_FORMAT', value: 'json' }] } };
const retireAfter = '1s';

const isGone = (plural: string, name: string) => async (api: Api, namespace: string) =>
  (await api.get(pathOf(plural, namespace, versionName(MODEL, name)))) === undefined;
const isThere = (plural: string, name: string) => async (api: Api, namespace: string) =>
  !(await isGone(plural, name)(api, namespace));

/** Every kind of change that moves, adds, replaces or removes objects. */
export const WHOLE_HISTORY: readonly Step[] = [
  { what: 'v1 90, v2 10', spec: { versions: [version('v1', 90), version('v2', 10)], serving, retireAfter } },
  { what: 'v1 50, v2 50', spec: { versions: [version('v1', 50), version('v2', 50)], serving, retireAfter } },
  {
    what: 'v3 joins: v1 40, v2 40, v3 20',
    spec: { versions: [version('v1', 40), version('v2', 40), version('v3', 20)], serving, retireAfter },
  },
  {
    what: 'v1 is dropped: v2 80, v3 20',
    spec: { versions: [version('v2', 80), version('v3', 20)], serving, retireAfter },
    until: isGone('deployments', 'v1'),
  },
  {
    what: 'every pod gets a variable',
    spec: { versions: [version('v2', 80), version('v3', 20)], serving: rolled, retireAfter },
  },
  {
    what: 'v2 is scaled by an autoscaler',
    spec: {
      versions: [version('v2', 80, { serving: { autoscaling: { min: 2, max: 4 } } }), version('v3', 20)],
      serving: rolled,
      retireAfter,
    },
    until: isThere('horizontalpodautoscalers', 'v2'),
  },
  {
    what: 'v2 has a fixed size again',
    spec: { versions: [version('v2', 80), version('v3', 20)], serving: rolled, retireAfter },
    until: isGone('horizontalpodautoscalers', 'v2'),
  },
];

const one = { replicas: 1, resources };

/** A creation and one edit, for cases that run many times. */
export const SHORT_HISTORY: readonly Step[] = [
  { what: 'v1 90, v2 10', spec: { versions: [version('v1', 90), version('v2', 10)], serving: one, retireAfter } },
  { what: 'v1 50, v2 50', spec: { versions: [version('v1', 50), version('v2', 50)], serving: one, retireAfter } },
];

/** Applies the spec as a user, straight. */
export async function edit(api: Api, namespace: string, { spec }: Step): Promise<StoredObject> {
  const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name: MODEL, namespace }, spec };
  return api.apply(pathOf('modeldeployments', namespace, MODEL), object, 'user');
}

/** Whether the status says Ready, and of the spec as it is. */
export function isSettled(md: StoredObject | undefined): boolean {
  const conditions = ((md?.status as Status | undefined)?.conditions ?? []) as Condition[];
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === md?.metadata.generation;
}

const POLL_MS = 100;

/** @returns whether the step was reached before the time was over */
export async function reached(api: Api, namespace: string, { until }: Step, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const md = await api.get(pathOf('modeldeployments', namespace, MODEL));
    if (isSettled(md) && (!until || (await until(api, namespace)))) return true;
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
}

export interface Pace {
  /** Longest wait for a step. */
  limitMs: number;
  /** Share of the steps that the user does not wait for. */
  hurry: number;
  random: Random;
}

const HURRY_MS = 400;

/**
 * All steps; those that are not hurried wait for what they ask for, as long as the pace allows.
 * @param onStep called before each edit
 */
export async function play(
  api: Api,
  namespace: string,
  steps: readonly Step[],
  pace: Pace,
  onStep: (step: Step, index: number) => void | Promise<void> = () => undefined,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    await onStep(step, index);
    await edit(api, namespace, step);
    const hurried = pace.random() < pace.hurry;
    await reached(api, namespace, step, hurried ? pace.random() * HURRY_MS : pace.limitMs);
  }
}
