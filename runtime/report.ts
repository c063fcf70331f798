/** The pod report: everything that the operator or the supervisor asks a process, in one answer. */
import type { LatencySketch } from '../api/latency-sketch.ts';
import type { OutputCounts, PodReport } from '../api/pod-report.ts';
import type { VersionBook } from './counters.ts';
import { metadataOf, type OwnVersion } from './own-version.ts';
import type { Split } from './split.ts';

export interface ReportSources {
  own: OwnVersion;
  split: Pick<Split, 'table'>;
  book: VersionBook;
  startedAt: string;
  inFlight(): number;
  latency(): LatencySketch;
  queue(): LatencySketch;
  outputs(): Record<string, OutputCounts> | undefined;
}

export function buildReport({ own, split, book, startedAt, inFlight, ...counted }: ReportSources): PodReport {
  const table = split.table();
  const outputs = counted.outputs();
  const { signature, digest } = own;
  const failure = own.failure ?? own.refusal;
  return {
    model: own.model,
    version: own.version,
    startedAt,
    ready: own.ready,
    load: {
      state: own.state,
      ...(failure && { failure: { code: failure.code, message: failure.message } }),
      ...(digest !== undefined && { digest }),
      phases: { ...own.phases },
    },
    ...(signature && { signature: metadataOf(signature) }),
    ...(table && {
      table: {
        revision: table.revision,
        primary: table.primary,
        shares: Object.fromEntries(table.versions.map(({ name, share }) => [name, share])),
      },
    }),
    inFlight: inFlight(),
    versions: book.snapshot(),
    latency: counted.latency(),
    queue: counted.queue(),
    ...(outputs && { outputs }),
  };
}
