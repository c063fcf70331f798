/** One history under random faults, and what it must end in. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Access } from '../control-plane/access.ts';
import { Api } from './api.ts';
import { DeletionWatch } from './deletions.ts';
import { differences, type EndState, endState } from './end-state.ts';
import { emptyNamespace, makeNamespace } from './namespace.ts';
import { type InProcess, LEASE, type OperatorSetup, startInProcess } from './operators.ts';
import { noFaults, RandomPlan } from './plan.ts';
import { seededRandom } from './random.ts';
import { SimulatedReports } from './reports.ts';
import { edit, play, reached, type Step } from './scenario.ts';
import { Tally } from './tally.ts';

export interface World {
  access: Access;
  /** Where kubeconfigs go. */
  folder: string;
  /** Told apart from every other namespace: a part of its name. */
  prefix: string;
}

export interface HistoryResult {
  seed: number;
  /** Wall time. */
  seconds: number;
  tally: Tally;
  /** Operators that were lost on the way, and followed by another. */
  crashes: number;
  /** What is not as it would be without faults; empty when all is. */
  differences: string[];
  /** Broken laws, in words. */
  violations: string[];
  /** What to look at when it failed. */
  told: string;
}

/** Longest wait for the end, and for a step, ms. */
const END_LIMIT_MS = 80_000;
const STEP_LIMIT_MS = 8_000;
const POLL_MS = 400;
/** How long nothing may be written at the end, ms. */
const REST_MS = 3_000;
/** By then what failed before the end was tried again, ms. */
const REST_LIMIT_MS = 20_000;
const HURRY = 0.3;
const CRASH = 0.2;

/** The end of the same history without any fault. */
export async function referenceEnd(world: World, name: string, steps: readonly Step[]): Promise<EndState> {
  const namespace = `${world.prefix}-${name}`;
  const api = new Api(world.access);
  try {
    await makeNamespace(api, namespace);
    const operator = await startInProcess({ ...setupOf(world, api, namespace, 0), plan: noFaults });
    try {
      for (const step of steps) {
        await edit(api, namespace, step);
        if (!(await reached(api, namespace, step, END_LIMIT_MS))) {
          throw new Error(`without faults, "${step.what}" was not reached\n${operator.log}`);
        }
      }
      return await stable(api, namespace);
    } finally {
      await operator.stop();
      await emptyNamespace(api, namespace);
    }
  } finally {
    api.close();
  }
}

/** The state once it has been the same for a while. */
async function stable(api: Api, namespace: string): Promise<EndState> {
  const deadline = performance.now() + END_LIMIT_MS;
  let last = await endState(api, namespace);
  for (let same = 0; performance.now() < deadline; ) {
    await sleep(POLL_MS);
    const next = await endState(api, namespace);
    same = differences(next, last).length === 0 ? same + POLL_MS : 0;
    last = next;
    // The status writes what is less urgent only some seconds later.
    if (same >= 4_000) return last;
  }
  throw new Error(`without faults, ${namespace} does not come to rest`);
}

export function setupOf(world: World, api: Api, namespace: string, seed: number): Omit<OperatorSetup, 'plan'> {
  const { folder } = world;
  const random = seededRandom(seed + 1_000_000);
  return { api, namespace, reports: new SimulatedReports(api), folder, identity: `${namespace}-a`, random };
}

/** Never rejects for what the operator does; what it does wrong is in the result. */
export async function runHistory(
  world: World,
  seed: number,
  steps: readonly Step[],
  expected: EndState,
): Promise<HistoryResult> {
  const started = performance.now();
  const namespace = `${world.prefix}-${seed}`;
  const api = new Api(world.access);
  const random = seededRandom(seed);
  const plan = new RandomPlan(seed);
  const setup = setupOf(world, api, namespace, seed);
  const tally = new Tally();
  let crashes = 0;
  let running: InProcess | undefined;
  try {
    await makeNamespace(api, namespace);
    const watch = await DeletionWatch.start(api, namespace);
    const start = (): Promise<InProcess> =>
      startInProcess({ ...setup, plan, lease: LEASE, identity: `${namespace}-${crashes}` });
    running = await start();
    await play(api, namespace, steps, { limitMs: STEP_LIMIT_MS, hurry: HURRY, random }, async () => {
      if (!running || random() >= CRASH) return;
      crashes++;
      tally.add(running.proxy.trace);
      // The next one is there at once; the Lease of the lost one keeps it from leading for a while.
      const [next] = await Promise.all([start(), running.crash()]);
      running = next;
    });
    plan.calm();
    const left = await untilEqual(api, namespace, expected);
    const restless = left.length === 0 ? await writesAtRest(running) : [];
    tally.add(running.proxy.trace);
    return {
      seed,
      seconds: (performance.now() - started) / 1_000,
      tally,
      crashes,
      differences: left,
      violations: [...watch.violations(), ...restless],
      told: `seed ${seed}, namespace ${namespace}\n${running.proxy.trace}\nlog:\n${running.log}`,
    };
  } finally {
    await running?.stop();
    await emptyNamespace(api, namespace);
    api.close();
  }
}

/** @returns what is still different when the time is over */
export async function untilEqual(
  api: Api,
  namespace: string,
  expected: EndState,
  limitMs = END_LIMIT_MS,
): Promise<string[]> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const left = differences(await endState(api, namespace), expected);
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(POLL_MS);
  }
}

/**
 * The law that at rest nothing is written but the Lease. Events tell of what was before, and may come late; so may a write
 * whose answer was lost: it is made again, and changes nothing.
 */
async function writesAtRest({ proxy }: InProcess): Promise<string[]> {
  for (const deadline = proxy.now + REST_LIMIT_MS; ; ) {
    const from = proxy.now;
    await sleep(REST_MS);
    const written = proxy.trace.writes
      .filter(({ request, at }) => at >= from && !['leases', 'events'].includes(request.resource))
      .map(({ request }) => `at rest, ${request.verb} ${request.resource} ${request.name ?? ''} was written`);
    if (written.length === 0 || proxy.now > deadline) return written;
  }
}
