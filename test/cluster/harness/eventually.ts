import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Default 40 000: a busy machine may stand still for seconds. */
  timeoutMs?: number;
  /** Default: 30 at first, then more and more, up to 200. */
  everyMs?: number;
}

/** What comes soon is seen soon, and what takes long is not asked for too often: hundreds of tests wait at once. */
const FIRST_MS = 30;
const LONGEST_MS = 200;

/**
 * Asks again until the answer is something other than undefined or false, and returns that. A check that throws is asked
 * again too, so an `expect` in it may fail for a while.
 * @param what what is waited for, as a sentence: `the pod is Running`
 * @throws Error when it did not come in time, with why the last check said no
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  { timeoutMs = 40_000, everyMs }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let waitMs = everyMs ?? FIRST_MS; ; waitMs = everyMs ?? Math.min(1.4 * waitMs, LONGEST_MS)) {
    let last: { said: string; cause?: unknown };
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
      last = { said: `the last answer was ${answer}` };
    } catch (error) {
      last = { said: error instanceof Error ? error.message : String(error), cause: error };
    }
    if (performance.now() > deadline)
      throw new Error(`not in ${timeoutMs / 1000} s: ${what}; ${last.said}`, { cause: last.cause });
    await sleep(waitMs);
  }
}
