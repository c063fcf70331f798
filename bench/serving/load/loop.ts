/** A closed loop: N requests in flight, each slot sends the next one when it has its answer. */
import type { Outcome, Transport } from './transport.ts';

export interface Window {
  requests: readonly Buffer[];
  slots: number;
  /** It sends for this long, and waits for what is in flight. */
  ms: number;
  /** Looks at the first answer to each of the requests. @returns what is wrong with it */
  check?: (index: number, outcome: Outcome) => string | undefined;
}

export interface Counted {
  /** Good answers within the time. */
  answers: number;
  /** Milliseconds each, unsorted. */
  latencies: Float64Array;
  /** What went wrong, and how often. */
  failures: Map<string, number>;
  /** Among those, answers that came and were not right. */
  wrong: string[];
  seconds: number;
  /** Requests whose answer was looked at. */
  checked: number;
}

/** What a server may take to answer the last requests of a window, ms. */
const STUCK_MS = 30_000;
const CAPACITY = 1 << 16;

export async function drive(transport: Transport, { requests, slots, ms, check }: Window): Promise<Counted> {
  let latencies = new Float64Array(CAPACITY);
  let answers = 0;
  let next = 0;
  let running = slots;
  const failures = new Map<string, number>();
  const wrong: string[] = [];
  const seen = new Set<number>();
  const fail = (why: string) => failures.set(why, (failures.get(why) ?? 0) + 1);
  const began = performance.now();
  const end = began + ms;
  let last = began;
  await new Promise<void>((resolve, reject) => {
    const stuck = setTimeout(() => reject(new Error(`no answer ${STUCK_MS / 1_000} s after the end`)), ms + STUCK_MS);
    const turn = (slot: number): void => {
      const index = next++ % requests.length;
      const keep = check !== undefined && !seen.has(index);
      if (keep) seen.add(index);
      const sent = performance.now();
      transport.send(slot, requests[index] as Buffer, keep, (outcome) => {
        const now = performance.now();
        const unlike = keep && !outcome.failure ? check(index, outcome) : undefined;
        if (unlike) wrong.push(unlike);
        if (keep && outcome.failure) seen.delete(index);
        const failure = outcome.failure ?? unlike;
        if (failure) fail(said(failure, outcome));
        else {
          if (answers === latencies.length) latencies = grown(latencies);
          latencies[answers++] = now - sent;
        }
        last = now;
        if (now < end) return turn(slot);
        if (--running > 0) return;
        clearTimeout(stuck);
        resolve();
      });
    };
    for (let slot = 0; slot < slots; slot++) turn(slot);
  });
  return {
    answers,
    latencies: latencies.subarray(0, answers),
    failures,
    wrong,
    seconds: (last - began) / 1_000,
    checked: seen.size,
  };
}

function grown(full: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(full.length * 2);
  larger.set(full);
  return larger;
}

const said = (wrong: string, { failure, answer }: Outcome): string =>
  failure && answer ? `${wrong}: ${answer.body.toString().slice(0, 200)}` : wrong;
