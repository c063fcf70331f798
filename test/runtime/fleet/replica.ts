/** A replica with several processes, as it is started in a pod: its head, and what a test wants to know of it. */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { expect } from 'vitest';
import type { Launch, RuntimeServing } from '../../../api/launch.ts';
import type { PodReport } from '../../../api/pod-report.ts';
import { type Child, type Outcome, post, startWith } from '../child.ts';
import { ask, servingWith } from '../harness.ts';

export const DIGIT = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }] };
export const INFER = '/v2/models/m/infer';

export interface Replica extends Child {
  entry: number;
  direct: number;
  admin: number;
  /** Processes that were started, by their ids, oldest first. */
  pids(): number[];
  report(): Promise<PodReport>;
  /** Value of a metric, added up over its labels. */
  metric(name: string): Promise<number>;
}

export async function replica(execution: RuntimeServing['execution'], changes: Partial<Launch> = {}): Promise<Replica> {
  const child = startWith({ serving: servingWith({ execution }), ...changes });
  // Its processes say so too where each line is logged: they have no ports of their own.
  const listening = () => child.lines.find(({ msg, entry }) => msg === 'listening' && entry !== undefined);
  await expect.poll(listening, { timeout: 20_000 }).toBeDefined();
  const { entry, direct, admin } = listening() ?? {};
  return withHead(child, { entry: Number(entry), direct: Number(direct), admin: Number(admin) });
}

export function withHead(child: Child, ports: { entry: number; direct: number; admin: number }): Replica {
  const at = (path: string) => ask(`http://127.0.0.1:${ports.admin}${path}`);
  return {
    ...child,
    ...ports,
    pids: () => child.lines.filter(({ msg }) => msg === 'process started').map(({ process }) => Number(process)),
    report: async () => (await at('/modelship/report')).json,
    async metric(name) {
      const lines = (await at('/metrics')).text.split('\n').filter((line) => line.split(/[{ ]/)[0] === name);
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
  };
}

export const isAlive = (pid: number): boolean => {
  try {
    // A zombie is as good as gone: it is its parent's to bury.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

export const gone = (pids: readonly number[]) =>
  expect.poll(() => pids.filter(isAlive), { timeout: 20_000 }).toEqual([]);

export interface Load {
  outcomes: Outcome[];
  /** Stops and waits for the answers that are under way. */
  stop(): Promise<void>;
}

/** Clients that ask without a pause, each on a connection that it keeps. They end when nobody listens any more. */
export function load(port: number, clients: number, body: unknown = DIGIT): Load {
  const outcomes: Outcome[] = [];
  let stopped = false;
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopped) {
      const outcome = await post(port, INFER, body, agent);
      // Nobody is there any more: the next client would be sent elsewhere. It is no request that was taken and lost.
      if (outcome.error === 'ECONNREFUSED') break;
      outcomes.push(outcome);
    }
    agent.destroy();
  };
  const all = Array.from({ length: clients }, client);
  return {
    outcomes,
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}

/** Resolves when so many more were answered. */
export const answers = (load: Load, more: number) => {
  const from = load.outcomes.length;
  return expect.poll(() => load.outcomes.length, { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(from + more);
};
