/** Time, as the runtime asks for it. Injected everywhere, so that tests decide what time it is. */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean something. */
  now(): number;
  /** Calls back once after `ms`; never keeps the process alive. @returns how to cancel */
  after(ms: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
