/**
 * Two operators and one Lease: the leader's network is cut in the middle of an edit, when it has begun to write and has
 * more to write. The other takes over; then the network comes back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaseTiming } from '../../operator/kube/lease.ts';
import { Api } from './api.ts';
import { DeletionWatch } from './deletions.ts';
import type { EndState } from './end-state.ts';
import { setupOf, untilEqual, type World } from './history.ts';
import { emptyNamespace, makeNamespace } from './namespace.ts';
import { type InProcess, startInProcess } from './operators.ts';
import { noFaults } from './plan.ts';
import { edit, reached, SHORT_HISTORY, type Step } from './scenario.ts';
import type { WriteSeen } from './trace.ts';

export interface TakeOver {
  /** Whether the cut came while the leader was writing. */
  cutInTime: boolean;
  /** From the cut until the new leader had the next edit in force, seconds. */
  seconds: number;
  /** After which the other may lead, from the leader's last renewal. */
  leaseSeconds: number;
  /** Whether the one whose network was cut led when it had come back. */
  ledAgain: boolean;
  /** What the one whose network was cut wrote after the cut. */
  lateWrites: string[];
  /** What it tried to write when its time as a leader was over. */
  lateAttempts: string[];
  /** What was wrong in the end, in words. */
  wrong: string[];
  told: string;
}

const LIMIT_MS = 60_000;
/** Longer than that of others: who is well must not lose it for a stall of the machine. */
const LEASE: LeaseTiming = { leaseMs: 8_000, renewDeadlineMs: 4_400, retryMs: 500, writeTimeoutMs: 3_000 };
/** What was sent in time may arrive so much later, and no Lease runs out before that. */
const MAY_WRITE_MS = LEASE.renewDeadlineMs + LEASE.writeTimeoutMs;
const isNews = (resource: string): boolean => !['leases', 'events'].includes(resource);

export async function runTakeOver(world: World, expected: EndState): Promise<TakeOver> {
  const api = new Api(world.access);
  const namespace = `${world.prefix}-two`;
  const running: InProcess[] = [];
  const [first, second] = SHORT_HISTORY as [Step, Step];
  try {
    await makeNamespace(api, namespace);
    const watch = await DeletionWatch.start(api, namespace);
    let onNextWrite: (() => void) | undefined;
    const onWrite = ({ request }: WriteSeen): void => {
      if (isNews(request.resource)) onNextWrite?.();
    };
    for (const letter of ['a', 'b']) {
      const setup = { ...setupOf(world, api, namespace, letter === 'a' ? 1 : 2), identity: `${namespace}-${letter}` };
      running.push(await startInProcess({ ...setup, plan: noFaults, lease: LEASE, onWrite }));
    }
    await edit(api, namespace, first);
    await mustReach(api, namespace, first, running);
    const leader = running.find(({ operator }) => operator.leading);
    const other = running.find((one) => one !== leader);
    if (!leader || !other) throw new Error(`nobody leads\n${running.map(({ log }) => log).join('\n')}`);
    const { proxy } = leader;
    let cutAt = Number.POSITIVE_INFINITY;
    let started = performance.now();
    onNextWrite = () => {
      onNextWrite = undefined;
      cutAt = proxy.now;
      started = performance.now();
      proxy.partition(true);
    };
    await edit(api, namespace, second);
    await mustReach(api, namespace, second, running);
    const seconds = (performance.now() - started) / 1_000;
    proxy.partition(false);
    await sleep(1.2 * LEASE.leaseMs);
    const ledAgain = leader.operator.leading && !other.operator.leading;
    const wrong = [...(await untilEqual(api, namespace, expected, LIMIT_MS)), ...watch.violations()];
    return {
      cutInTime: Number.isFinite(cutAt),
      seconds,
      leaseSeconds: LEASE.leaseMs / 1_000,
      ledAgain,
      lateWrites: proxy.trace.writes
        .filter(({ request, at }) => at > cutAt && isNews(request.resource))
        .map(({ request }) => `${request.verb} ${request.resource}`),
      lateAttempts: proxy.trace.entries
        .filter(({ request, at }) => request.write && isNews(request.resource) && at > cutAt + MAY_WRITE_MS)
        .map(({ request }) => `${request.verb} ${request.resource}`),
      wrong,
      told: `leader:\n${proxy.trace}\n${leader.log}\nother:\n${other.log}`,
    };
  } finally {
    await Promise.all(running.map((one) => one.stop()));
    await emptyNamespace(api, namespace);
    api.close();
  }
}

async function mustReach(api: Api, namespace: string, step: Step, running: readonly InProcess[]): Promise<void> {
  if (await reached(api, namespace, step, LIMIT_MS)) return;
  throw new Error(`"${step.what}" was not reached\n${running.map(({ log }) => String(log)).join('\n---\n')}`);
}
