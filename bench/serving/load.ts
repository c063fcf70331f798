/**
 * The load generator, a process of its own: takes an order on its IPC channel, answers with what it measured. A window
 * of warming up, in which the first answer to every request is compared with onnxruntime's own, then the one that counts.
 */

import { openHttp1 } from './load/http1.ts';
import { openHttp2 } from './load/http2.ts';
import { type Counted, drive } from './load/loop.ts';
import type { Measured, Order, Reply } from './load/order.ts';
import { grpcRefusal } from './load/status.ts';
import type { Outcome, Transport } from './load/transport.ts';
import { type Pool, readPool } from './models/pool.ts';
import { quantile } from './statistics.ts';
import { distance } from './tensors.ts';
import { cpuSecondsOf, memoryOf } from './usage.ts';
import { MODEL_INFER } from './wires/oip-grpc.ts';
import { WIRES } from './wires/wires.ts';

/** While warming up; a server that fails more often than that is not worth measuring. Wrong answers are never let pass. */
const ALLOWED_FAILURES = 0.05;

/** Pools and encoded requests stay from order to order: encoding takes longer than a round. */
const pools = new Map<string, Promise<Pool>>();
const encoded = new Map<string, Buffer[]>();

function poolOf(path: string): Promise<Pool> {
  const known = pools.get(path) ?? readPool(path);
  if (!pools.has(path)) {
    // One model at a time.
    pools.clear();
    encoded.clear();
    pools.set(path, known);
  }
  return known;
}

function requestsFor({ wire, target, pool: path }: Order, { inputs }: Pool): Buffer[] {
  const key = JSON.stringify([path, wire, target]);
  const known = encoded.get(key) ?? inputs.map((tensors) => WIRES[wire].encode(tensors, target));
  encoded.set(key, known);
  return known;
}

function checkOf({ wire, target, predicts }: Order, { expected, tolerance }: Pool) {
  if (!predicts) return () => undefined;
  return (index: number, { answer }: Outcome): string | undefined => {
    if (!answer) return 'no answer to look at';
    try {
      const far = distance(expected[index] as number[], WIRES[wire].decode(answer, target));
      return far <= tolerance ? undefined : `wrong prediction (off by ${far.toPrecision(2)}, allowed ${tolerance})`;
    } catch (error) {
      return `unreadable answer: ${(error as Error).message}`;
    }
  };
}

const open = ({ wire, target, concurrency }: Order): Promise<Transport> =>
  WIRES[wire].transport === 'grpc'
    ? openHttp2(target.port, concurrency, MODEL_INFER)
    : openHttp1(target.port, concurrency);

async function measure(order: Order): Promise<Measured> {
  const pool = await poolOf(order.pool);
  const requests = requestsFor(order, pool);
  const transport = await open(order);
  try {
    const window = { requests, slots: order.concurrency };
    const check = checkOf(order, pool);
    const warm = await drive(transport, { ...window, ms: order.warmMs, check });
    if (warm.answers === 0 || warm.wrong.length > 0 || failedShare(warm) > ALLOWED_FAILURES)
      throw new Error(await reasonOf(order, warm, requests));
    const server = cpuSecondsOf(order.pid);
    const own = process.cpuUsage();
    const counted = await drive(transport, { ...window, ms: order.ms });
    const { user, system } = process.cpuUsage(own);
    const serverAfter = cpuSecondsOf(order.pid);
    const memory = memoryOf(order.pid);
    return {
      ...summary(counted),
      generatorBusy: (user + system) / 1e6 / counted.seconds,
      ...(server !== undefined && serverAfter !== undefined && { cpuSeconds: serverAfter - server }),
      ...(memory !== undefined && { memory }),
      warmed: warm.answers,
      checked: warm.checked,
    };
  } finally {
    transport.close();
  }
}

function failedShare({ failures, answers }: Counted): number {
  const wrong = [...failures.values()].reduce((sum, times) => sum + times, 0);
  return wrong / (wrong + answers);
}

async function reasonOf(
  { wire, target }: Order,
  { failures, answers, wrong }: Counted,
  requests: Buffer[],
): Promise<string> {
  if (wrong[0]) return `${wrong[0]}, ${wrong.length} of the first answers`;
  const [most] = [...failures].toSorted(([, a], [, b]) => b - a);
  if (!most) return 'no answer in the time of warming up';
  const [why, times] = most;
  const told = WIRES[wire].transport === 'grpc' ? ` (${await grpcRefusal(target.port, requests[0] as Buffer)})` : '';
  return `${why}${told}, ${times} of ${times + answers} requests`;
}

function summary({ answers, latencies, failures, seconds }: Counted) {
  const sorted = latencies.sort();
  const ms = (q: number) => quantile(sorted, q);
  const wrong = Object.fromEntries(failures);
  return { answers, seconds, perSecond: answers / seconds, p50: ms(0.5), p99: ms(0.99), failures: wrong };
}

process.on('message', async (order: Order) => {
  const reply: Reply = await measure(order).then(
    (measured) => ({ measured }),
    (error: Error) => ({ refused: error.message }),
  );
  process.send?.(reply);
});
process.on('disconnect', () => process.exit(0));
