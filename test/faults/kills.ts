/** An operator that is killed as soon as it has written anything, and started again, until nothing is left to write. */
import { Api } from './api.ts';
import { DeletionWatch } from './deletions.ts';
import type { EndState } from './end-state.ts';
import { untilEqual, type World } from './history.ts';
import { emptyNamespace, makeNamespace } from './namespace.ts';
import { IMAGE, OperatorProcess, proxyFor } from './operators.ts';
import { noFaults } from './plan.ts';
import { SimulatedReports, serveReports } from './reports.ts';
import { edit, reached, SHORT_HISTORY } from './scenario.ts';
import type { WriteSeen } from './trace.ts';

export interface KillResult {
  /** The write after which each process was killed. */
  kills: string[];
  /** What was wrong in the end, in words. */
  wrong: string[];
  told: string;
}

/** More than this is no progress. */
const MOST_KILLS = 80;
const REST_LIMIT_MS = 60_000;

/** What people are told is no progress, and a Lease is none either. */
const counts = ({ request }: WriteSeen): boolean => !['events', 'leases'].includes(request.resource);

/**
 * The short history. Each process makes one write, with what it sent beside it: the API server answers it, the operator
 * never hears that.
 * @param only kills after the so-manieth write alone, from 1; left out: after every one
 */
export async function runKills(world: World, expected: EndState, only?: number): Promise<KillResult> {
  const api = new Api(world.access);
  const namespace = `${world.prefix}-kill-${only ?? 'each'}`;
  const kills: string[] = [];
  let current: OperatorProcess | undefined;
  let killed = Promise.withResolvers<'killed'>();
  let seen = 0;
  const onWrite = async (write: WriteSeen): Promise<void> => {
    if (!counts(write) || !current || current.ended) return;
    if (only !== undefined && ++seen !== only) return;
    kills.push(`${write.request.verb} ${write.request.resource} ${write.request.name ?? ''}`.trimEnd());
    await current.kill();
    killed.resolve('killed');
  };
  await using reports = await serveReports(new SimulatedReports(api));
  const { proxy, kubeconfig } = await proxyFor({ ...world, api, plan: noFaults, identity: namespace, onWrite });
  await using _proxy = proxy;
  const args = [
    ...['--kubeconfig', kubeconfig, '--namespace', namespace, '--runtime-image', IMAGE, '--no-leader-elect'],
    ...['--metrics', '127.0.0.1:0', '--report-url', reports.template],
  ];
  try {
    await makeNamespace(api, namespace);
    const watch = await DeletionWatch.start(api, namespace);
    const wrong: string[] = [];
    for (const [index, step] of SHORT_HISTORY.entries()) {
      await edit(api, namespace, step);
      const last = index === SHORT_HISTORY.length - 1;
      for (let outcome: unknown = 'killed'; outcome === 'killed' && kills.length < MOST_KILLS; ) {
        if (!current || current.ended) {
          killed = Promise.withResolvers();
          current = new OperatorProcess(args);
        }
        const rest = last
          ? untilEqual(api, namespace, expected, REST_LIMIT_MS)
          : reached(api, namespace, step, REST_LIMIT_MS);
        outcome = await Promise.race([killed.promise, rest]);
        if (Array.isArray(outcome)) wrong.push(...outcome);
        if (outcome === false) wrong.push(`"${step.what}" was not reached`);
      }
    }
    if (kills.length >= MOST_KILLS) wrong.push(`no end after ${MOST_KILLS} kills`);
    wrong.push(...watch.violations());
    return { kills, wrong, told: `kills:\n${kills.join('\n')}\nlog:\n${current?.log}` };
  } finally {
    if (current && !current.ended) await current.kill();
    await emptyNamespace(api, namespace);
    api.close();
  }
}
