/** Whether this process has enough to do already: what nobody waits for is then put off or dropped. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { Clock } from './clock.ts';

/** Share of time that the event loop is busy from which on each more millisecond of work is felt by those who wait. */
const BUSY = 0.8;
/** A queue this full, as a part of what it may hold, is deep. */
const DEEP = 0.25;
/** The loop is looked at again after so long, ms; what it did longer ago says nothing of now. */
const LOOK_EVERY_MS = 50;
const TOO_LONG_AGO_MS = 500;

export interface PressureOptions {
  clock: Pick<Clock, 'now'>;
  /** Requests that wait for a run now. */
  waiting(): number;
  /** How many may wait. */
  room: number;
  /** As `performance.eventLoopUtilization`, which it is unless a test says otherwise. */
  utilization?(now?: EventLoopUtilization, before?: EventLoopUtilization): EventLoopUtilization;
}

/** @returns whether there is pressure now: cheap enough to be asked by each request that is drawn for something */
export function createPressure(options: PressureOptions): () => boolean {
  const { clock, waiting, room, utilization = performance.eventLoopUtilization.bind(performance) } = options;
  const deep = Math.max(1, DEEP * room);
  let before = utilization();
  let lookedAt = clock.now();
  let busy = false;
  return () => {
    if (waiting() >= deep) return true;
    const now = clock.now();
    if (now - lookedAt >= LOOK_EVERY_MS) {
      const current = utilization();
      busy = now - lookedAt <= TOO_LONG_AGO_MS && utilization(current, before).utilization > BUSY;
      before = current;
      lookedAt = now;
    }
    return busy;
  };
}
