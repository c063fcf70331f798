/** Every answer is told to one place, which keeps the book, the metrics and the latency sketch in step. */
import type { SketchRecorder } from '../api/latency-sketch.ts';
import type { VersionBook } from './counters.ts';
import { REQUEST_ERRORS } from './errors.ts';
import type { Done } from './models/runner.ts';
import type { Metrics } from './plugins/metrics.ts';

/** Told of what was answered to inference requests of users. */
export interface Recorder {
  /**
   * One that this process answered as its own version.
   * @param ms from its last byte to its answer
   * @param ownMs of it, what this version took: not the wait for another one that it was first sent to
   */
  answered(status: number, ms: number, ownMs: number): void;
  /** One refused before or instead of a version's answer. @param version if the refusal names one */
  refused(status: number, version?: string): void;
}

export interface RunRecorder {
  /** An answer of the model or the cache. @param copied of a mirror's copy, no user's */
  ran(done: Done, copied: boolean): void;
}

export interface RecorderParts {
  book: VersionBook;
  metrics: Pick<Metrics, 'answered' | 'took' | 'ran'>;
  sketch: SketchRecorder;
  /** Time that requests of users waited for their run. */
  queue: SketchRecorder;
  /** Versions that may be a label. */
  versions(): readonly string[];
}

export function createRecorder({ book, metrics, sketch, queue, versions }: RecorderParts): Recorder & RunRecorder {
  return {
    answered(status, ms, ownMs) {
      metrics.answered(book.own, status);
      // Nobody was answered.
      if (status === REQUEST_ERRORS.CLIENT_GONE) return;
      const counters = book.of(book.own);
      counters.answered++;
      if (status >= 500) counters.errors++;
      else if (status >= 400) counters.refused++;
      metrics.took(ms / 1_000);
      sketch.observe(ownMs / 1_000);
    },
    ran(done, copied) {
      metrics.ran(done, copied);
      if (!copied && done.from !== 'cache') queue.observe(done.queued / 1_000);
    },
    refused(status, version = book.own) {
      metrics.answered(versions().includes(version) ? version : book.own, status);
    },
  };
}
