/** Time and chance, from outside. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls back once. @returns what cancels it */
  after(ms: number, callback: () => void): () => void;
}

/** 0 ≤ x < 1. */
export type Random = () => number;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
