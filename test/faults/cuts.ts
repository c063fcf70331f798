/** A history that loses one request, whichever it is. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from './api.ts';
import { DeletionWatch } from './deletions.ts';
import type { EndState } from './end-state.ts';
import { setupOf, untilEqual, type World } from './history.ts';
import { emptyNamespace, makeNamespace } from './namespace.ts';
import { type InProcess, startInProcess } from './operators.ts';
import { type FaultPlan, noFaults, OneFault } from './plan.ts';
import type { ApiRequest } from './request.ts';
import { edit, reached, SHORT_HISTORY } from './scenario.ts';

const STEP_LIMIT_MS = 90_000;

export interface Cut {
  /** What the request does, and to what: in which order requests come is not the same each time. */
  what: string;
  /** The so-manieth that does it, from 1. */
  nth: number;
  where: 'cut-before' | 'cut-after';
}

export interface CutResult extends Cut {
  /** Whether there was such a request. */
  made: boolean;
  /** What was wrong in the end, in words. */
  wrong: string[];
  told: string;
}

/** Events are told to people, and nothing hangs on them. */
const isNews = ({ write, resource }: ApiRequest): boolean => write && resource !== 'events';
/** A status says what is less urgent some seconds later. */
const LAZY_MS = 4_000;

/**
 * Every write of the short history, cut before it is forwarded and after; and every read of its first reconcile, cut
 * before: to the client that is the same as after. `all` tries both, and every read.
 */
export async function everyCut(world: World, all = false): Promise<Cut[]> {
  return onNewNamespace(world, 'clean', noFaults, async ({ api, namespace, operator }) => {
    const { trace } = operator.proxy;
    let first = 0;
    for (const step of SHORT_HISTORY) {
      await edit(api, namespace, step);
      if (!(await reached(api, namespace, step, STEP_LIMIT_MS))) throw new Error(`"${step.what}" was not reached`);
      first ||= trace.entries.length;
    }
    await sleep(LAZY_MS);
    const requests = trace.entries.map(({ request }) => request);
    const reads = requests.slice(0, all ? undefined : first).filter(({ write }) => !write);
    const both = ['cut-before', 'cut-after'] as const;
    return [...cutsOf(requests.filter(isNews), both), ...cutsOf(reads, all ? both : ['cut-before'])];
  });
}

function cutsOf(requests: readonly ApiRequest[], places: readonly Cut['where'][]): Cut[] {
  const seen = new Map<string, number>();
  return requests.flatMap((request) => {
    const what = whatOf(request);
    const nth = (seen.get(what) ?? 0) + 1;
    seen.set(what, nth);
    return places.map((where) => ({ what, nth, where }));
  });
}

/** Names of pods are other ones in each history. */
function whatOf({ verb, resource, name }: ApiRequest): string {
  return name === undefined || resource === 'pods' ? `${verb} ${resource}` : `${verb} ${resource} ${name}`;
}

/** The whole short history with one request cut. */
export async function runCut(world: World, cut: Cut, expected: EndState): Promise<CutResult> {
  const plan = new OneFault(cut.nth, { kind: cut.where }, (request) => whatOf(request) === cut.what);
  const name = `${cut.where}-${createHash('sha256').update(`${cut.what} ${cut.nth}`).digest('hex').slice(0, 8)}`;
  return onNewNamespace(world, name, plan, async ({ api, namespace, operator, watch }) => {
    const wrong: string[] = [];
    for (const step of SHORT_HISTORY) {
      await edit(api, namespace, step);
      if (!(await reached(api, namespace, step, STEP_LIMIT_MS))) wrong.push(`"${step.what}" was not reached`);
    }
    wrong.push(...(await untilEqual(api, namespace, expected, STEP_LIMIT_MS)), ...watch.violations());
    return { ...cut, made: plan.seen >= cut.nth, wrong, told: `${operator.proxy.trace}\nlog:\n${operator.log}` };
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
      await emptyNamespace(api, namespace);
    }
  } finally {
    api.close();
  }
}
