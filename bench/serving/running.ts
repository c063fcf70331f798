/** A contender that was started, and how a turn of it is measured. */
import type { ChildProcess } from 'node:child_process';
import type { Generator } from './load/generator.ts';
import type { Measured } from './load/order.ts';
import { lastLines, stopProcess, whenReady } from './processes.ts';
import type { WireId } from './wires/wires.ts';

export interface Turn {
  generator: Generator;
  wire: WireId | 'none';
  poolFile: string;
  /** Output that is compared. */
  output: string;
  concurrency: number;
  warmMs: number;
  ms: number;
}

export interface Running {
  pid: number;
  port: number;
  /** @throws Error with the reason why it can't be measured */
  measure(turn: Turn): Promise<Measured>;
  stop(): Promise<void>;
}

export interface Served {
  child: ChildProcess;
  log: string;
  /** URL that answers 200 when it can be asked. */
  ready: string;
  readyMs: number;
  port: number;
  model: string;
  path?: string;
  predicts?: boolean;
}

/** Waits until a server is ready. @throws Error with its last words when it isn't */
export async function served(from: Served): Promise<Running> {
  const { child, log, port, model, path, predicts = true } = from;
  try {
    await whenReady(child, from.ready, from.readyMs);
  } catch (error) {
    await stopProcess(child);
    throw new Error([(error as Error).message, lastLines(log)].filter(Boolean).join(': '));
  }
  const pid = child.pid as number;
  return {
    pid,
    port,
    measure: ({ generator, wire, poolFile, output, concurrency, warmMs, ms }) => {
      if (wire === 'none') throw new Error('a server needs a wire');
      const target = { host: '127.0.0.1', port, model, output, ...(path && { path }) };
      return generator.measure({
        wire,
        target,
        pool: poolFile,
        concurrency,
        warmMs,
        ms,
        pid,
        predicts,
      });
    },
    stop: () => stopProcess(child),
  };
}
