/** A first reconcile that loses one request, whichever it is. */
import { Api } from './api.ts';
import { DeletionWatch } from './deletions.ts';
import type { EndState } from './end-state.ts';
import { setupOf, untilEqual, type World } from './history.ts';
import { dropNamespace, makeNamespace } from './namespace.ts';
import { type InProcess, startInProcess } from './operators.ts';
import { type FaultPlan, noFaults, OneFault } from './plan.ts';
import type { ApiRequest } from './request.ts';
import { edit, reached, SHORT_HISTORY } from './scenario.ts';

const STEP_LIMIT_MS = 15_000;

export interface Cut {
  /** Which request is cut, from 1. */
  position: number;
  where: 'cut-before' | 'cut-after';
  /** What it was in the run that nothing happened to. */
  what: string;
}

export interface CutResult extends Cut {
  /** What was wrong in the end, in words. */
  wrong: string[];
  told: string;
}

/**
 * Every cut of a first reconcile: of each request before it is forwarded, of each write also after. A read that is lost
 * on its way back is the same to the client as one that is lost on its way there; `all` tries that as well.
 */
export async function everyCut(world: World, all = false): Promise<Cut[]> {
  const requests = await onNewNamespace(world, 'clean', noFaults, async ({ api, namespace, operator }) => {
    await start(api, namespace);
    return operator.proxy.trace.entries.map(({ request }) => request);
  });
  return requests.flatMap((request, index): Cut[] => {
    const what = { position: index + 1, what: describe(request) };
    const before: Cut = { ...what, where: 'cut-before' };
    return request.write || all ? [before, { ...what, where: 'cut-after' }] : [before];
  });
}

const describe = ({ verb, resource, name }: ApiRequest): string => `${verb} ${resource} ${name ?? ''}`.trimEnd();

async function start(api: Api, namespace: string): Promise<void> {
  const [first] = SHORT_HISTORY;
  if (!first) throw new RangeError('the short history has no steps');
  await edit(api, namespace, first);
  if (!(await reached(api, namespace, first, STEP_LIMIT_MS))) throw new Error(`"${first.what}" was not reached`);
}

/** The whole short history with one request cut. */
export async function runCut(world: World, cut: Cut, expected: EndState): Promise<CutResult> {
  const plan = new OneFault(cut.position, { kind: cut.where });
  const name = `${cut.where}-${cut.position}`;
  return onNewNamespace(world, name, plan, async ({ api, namespace, operator, watch }) => {
    const wrong: string[] = [];
    for (const step of SHORT_HISTORY) {
      await edit(api, namespace, step);
      if (!(await reached(api, namespace, step, STEP_LIMIT_MS))) wrong.push(`"${step.what}" was not reached`);
    }
    wrong.push(...(await untilEqual(api, namespace, expected, STEP_LIMIT_MS)), ...watch.violations());
    return { ...cut, wrong, told: `${operator.proxy.trace}\nlog:\n${operator.log}` };
  });
}

interface Place {
  api: Api;
  namespace: string;
  operator: InProcess;
  watch: DeletionWatch;
}

async function onNewNamespace<T>(
  world: World,
  name: string,
  plan: FaultPlan,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const api = new Api(world.access);
  const namespace = `${world.prefix}-${name}`;
  try {
    await makeNamespace(api, namespace);
    const watch = await DeletionWatch.start(api, namespace);
    const operator = await startInProcess({ ...setupOf(world, api, namespace, 0), plan });
    try {
      return await work({ api, namespace, operator, watch });
    } finally {
      await operator.stop();
      await dropNamespace(api, namespace);
    }
  } finally {
    api.close();
  }
}
