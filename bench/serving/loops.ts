/** The compute limit: onnxruntime in a loop, a process a core, measured as if it were a server. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Context } from './contenders.ts';
import { lastLines, startNode, stopProcess } from './processes.ts';
import type { Running } from './running.ts';
import type { LoopOrder, LoopResult } from './servers/compute.ts';

/** @param most rows a run */
export async function startLoops(
  script: string,
  most: number,
  { poolFile, placement, folder }: Context,
): Promise<Running> {
  const cores = placement.server ?? Array.from({ length: placement.serverCores }, () => undefined);
  const log = path.join(folder, `loop-${most}.log`);
  const children = cores.map((core) =>
    startNode([script, poolFile], { cores: core === undefined ? undefined : [core], ipc: true, log }),
  );
  const stop = async () => void (await Promise.all(children.map(stopProcess)));
  try {
    await Promise.all(children.map((child) => messageOf(child)));
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}: ${lastLines(log)}`);
  }
  return {
    pid: children[0]?.pid as number,
    port: 0,
    async measure({ concurrency, warmMs, ms }) {
      const order: LoopOrder = { batch: Math.min(concurrency, most), warmMs, ms };
      const results = await Promise.all(
        children.map((child) => {
          child.send(order);
          return messageOf(child) as Promise<LoopResult>;
        }),
      );
      return together(results);
    },
    stop,
  };
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const answered = new AbortController();
  const { signal } = answered;
  const ended = once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`ended with ${code}`)));
  ended.catch(() => {});
  const [message] = (await Promise.race([once(child, 'message', { signal }), ended]).finally(() =>
    answered.abort(),
  )) as [unknown];
  return message;
}

function together(results: readonly LoopResult[]) {
  const sum = (of: (result: LoopResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const slowest = Math.max(...results.map(({ p50 }) => p50));
  return {
    answers: sum(({ rows }) => rows),
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
    perSecond: sum(({ rows, seconds }) => rows / seconds),
    p50: slowest,
    p99: Number.NaN,
    failures: {},
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    memory: sum(({ memory }) => memory),
  };
}
