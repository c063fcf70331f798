/** Operators under test, each behind a proxy of its own: in this process, or as a process that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportSource } from '../../operator/evidence/reports.ts';
import type { Random } from '../../operator/kube/clock.ts';
import { connect } from '../../operator/kube/connect.ts';
import type { LeaseTiming } from '../../operator/kube/lease.ts';
import { type Operator, startOperator } from '../../operator/operator.ts';
import { writeKubeconfig } from '../control-plane/access.ts';
import { OPERATOR } from '../programs.ts';
import type { Api } from './api.ts';
import { LogTail } from './log-tail.ts';
import type { FaultPlan } from './plan.ts';
import { FaultProxy, type ProxyOptions } from './proxy.ts';

export const IMAGE = 'modelship-runtime:test';
const LEASE_NAME = 'modelship-operator';

/**
 * Shorter than in use, and no shorter: with time-outs below what a busy machine takes to answer, many at once would all
 * ask again and keep it busy for good, and a leader would lose its Lease for a stall.
 */
export const LEASE: LeaseTiming = { leaseMs: 5_000, renewDeadlineMs: 2_400, retryMs: 500, writeTimeoutMs: 2_000 };

/** Failures are short here, and a connection that says nothing is given up soon. */
const TIMING = {
  informer: { backoffMs: [100, 3_000], silentMs: 8_000, watchSeconds: [20, 40] },
  backoff: { firstMs: 50, maxMs: 2_000 },
} as const;

/**
 * Of those that have no Lease to keep, and whose connections are cut and never fall silent: what is slow is waited for, or a
 * machine that is too busy to answer in time would be asked the same again, by all of them, for good.
 */
const PATIENT = { timeoutMs: 20_000, informer: { ...TIMING.informer, silentMs: 120_000 } };

export interface OperatorSetup {
  api: Api;
  /** The only one that it looks after; its Lease is there too. */
  namespace: string;
  plan: FaultPlan;
  reports: ReportSource;
  /** Where its kubeconfig goes. */
  folder: string;
  /** Of this operator alone. */
  identity: string;
  /** Timing of its Lease; without it there is none. */
  lease?: LeaseTiming;
  random: Random;
  onWrite?: ProxyOptions['onWrite'];
}

export interface InProcess {
  proxy: FaultProxy;
  log: LogTail;
  operator: Operator;
  /** Ends it gracefully. */
  stop(): Promise<void>;
  /** Ends it as a crash would: from now on nothing that it does reaches the API server. */
  crash(): Promise<void>;
}

/** An operator in this process, with a proxy between it and the API server. */
export async function startInProcess(setup: OperatorSetup): Promise<InProcess> {
  const { api, plan, namespace, identity, lease, onWrite } = setup;
  const { proxy, kubeconfig } = await proxied(setup.folder, identity, api, plan, onWrite);
  const log = new LogTail();
  const connection = await connect({
    kubeconfig,
    timeoutMs: lease?.writeTimeoutMs ?? PATIENT.timeoutMs,
    userAgent: `modelship-operator/${identity}`,
  });
  const operator = await startOperator({
    client: connection.client,
    namespace,
    render: { runtimeImage: IMAGE },
    reports: setup.reports,
    leaderElection: lease && { namespace, name: LEASE_NAME, identity, timing: lease },
    instance: identity,
    random: setup.random,
    timing: { ...TIMING, informer: lease ? TIMING.informer : PATIENT.informer, discoverMs: 5_000 },
    log,
  });
  const stop = async (): Promise<void> => {
    await operator.stop();
    await connection.close();
    await proxy.stop();
  };
  const crash = (): Promise<void> => {
    proxy.partition(true);
    return stop();
  };
  return { proxy, log, operator, stop, crash };
}

async function proxied(
  folder: string,
  identity: string,
  { access }: Api,
  plan: FaultPlan,
  onWrite: ProxyOptions['onWrite'],
) {
  const proxy = await FaultProxy.start({ target: access, plan, ...(onWrite && { onWrite }) });
  const kubeconfig = join(folder, `${identity}.kubeconfig`);
  await writeKubeconfig(kubeconfig, { ...access, url: proxy.url });
  return { proxy, kubeconfig };
}

/** A kubeconfig that leads through a proxy, for processes that come and go. */
export async function proxyFor(setup: Pick<OperatorSetup, 'api' | 'plan' | 'folder' | 'identity' | 'onWrite'>) {
  return proxied(setup.folder, setup.identity, setup.api, setup.plan, setup.onWrite);
}

/** The program; ends with the test's process at the latest. */
export class OperatorProcess {
  readonly log = new LogTail();
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [OPERATOR, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.log.add(text));
    }
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    void this.#ended.then(() => process.off('exit', kill));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the operator could not be started');
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** As `kill -9` does. Returns when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM; `kill -9` when it takes longer than `limitMs`. @returns its exit code; null when it had to be killed */
  async terminate(limitMs = 20_000): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await Promise.race([this.#ended, sleep(limitMs, undefined, { ref: false })]);
    if (!this.ended) await this.kill();
    return this.#child.exitCode;
  }
}
