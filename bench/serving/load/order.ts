/** What the benchmark asks of the load generator, and what it says. */
import type { Target } from '../wires/wire.ts';
import type { WireId } from '../wires/wires.ts';

export interface Order {
  wire: WireId;
  target: Target;
  /** Path of the file with requests and right answers. */
  pool: string;
  concurrency: number;
  warmMs: number;
  ms: number;
  /** The server's process; what came of it counts too. */
  pid: number;
  /** Whether the answers are predictions at all; an echo's are not. */
  predicts: boolean;
}

/** One window. */
export interface Measured {
  answers: number;
  seconds: number;
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** By reason. */
  failures: Record<string, number>;
  /** Cores that the generator used; near 1 it is the limit itself. Undefined for a loop without a server. */
  generatorBusy?: number;
  /** Of the server's processes. */
  cpuSeconds?: number;
  /** Proportional bytes of the server's processes at the end. */
  memory?: number;
  /** Good answers while it warmed up, which count for nothing else. */
  warmed?: number;
  /** Answers that were compared with the expected ones. */
  checked?: number;
}

export type Reply = { measured: Measured } | { refused: string };
