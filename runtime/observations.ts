/** All that one process counts of its own version's work, apart from the metrics that are for Prometheus alone. */
import { SketchRecorder } from '../api/latency-sketch.ts';
import { VersionBook } from './counters.ts';
import { Predictions } from './predictions.ts';
import type { ReportSources } from './report.ts';
import { Statistics, type StatisticsOptions } from './statistics.ts';

export interface Observations {
  book: VersionBook;
  /** Of answers to users, and of their waits for a run. */
  sketch: SketchRecorder;
  queue: SketchRecorder;
  predictions: Predictions;
  statistics: Statistics;
  /** For the report. */
  counted: Pick<ReportSources, 'book' | 'latency' | 'queue' | 'outputs'>;
}

export function createObservations(options: StatisticsOptions): Observations {
  const book = new VersionBook(options.version);
  const [sketch, queue] = [new SketchRecorder(), new SketchRecorder()];
  const predictions = new Predictions();
  const counted = {
    book,
    latency: () => sketch.snapshot(),
    queue: () => queue.snapshot(),
    outputs: () => predictions.snapshot(),
  };
  return { book, sketch, queue, predictions, statistics: new Statistics(options), counted };
}
