/**
 * What one runtime process says of itself at `/modelship/report` on its admin port. Read by the operator by pod IP, by
 * the supervisor on loopback. Counters only grow, from zero at the start of the process (`startedAt` tells restarts).
 */
import { z } from 'zod';
import { latencySketch } from './latency-sketch.ts';
import { MODEL_STATES } from './status.ts';

export const REPORT_PATH = '/modelship/report';

const count = z.int().min(0);

export const tensorMetadata = z.strictObject({
  name: z.string(),
  /** Open Inference Protocol datatype, such as FP32. */
  datatype: z.string(),
  /** −1 for a dimension that is not fixed. */
  shape: z.array(z.int().min(-1)),
});

/** Why a forwarded request was answered by another version than the one drawn. */
export const SHIELD_REASONS = ['unreachable', 'timeout', 'error', 'open'] as const;

/** What this process knows of one version: its own answers, and what it saw when it called others. */
const versionCounters = z.strictObject({
  /** Requests of users that this process answered as this version (its own only). */
  answered: count,
  /** Of these, answers of 5xx. */
  errors: count,
  /** Of these, answers of 4xx. */
  refused: count,
  /** Requests that this process drew or was told for this version, at its entry. */
  routed: count,
  /** Requests sent on to this version's direct port. */
  forwarded: count,
  /** Of the forwarded ones, those that failed: unreachable, timed out, or 5xx. */
  failed: count,
  /** Requests drawn for this version that another one answered, by reason. `open`: not even tried, the circuit was open. */
  shielded: z.record(z.enum(SHIELD_REASONS), count),
  /** Requests copied to this version. */
  mirrored: count,
  // What came later has a default: a newer operator reads an older runtime.
  /** Of these, both answers of which were compared. */
  compared: count.default(0),
  /** Of the compared ones, those whose predictions differ. */
  differing: count.default(0),
  /** Of the mirrored ones, those that this version failed: unreachable, timed out, 5xx, or refused what was answered here. */
  mirrorFailed: count.default(0),
  /** Requests that were drawn to be copied and were not: too many at a time, or too large. */
  mirrorDropped: count.default(0),
});

/**
 * How the predictions of one output are distributed. `labels`: counts by value, 64 of them at most, the rest under the
 * empty name. `numbers`: counts by bucket, those of the latency sketch for the absolute value, with `-` or `+` before
 * the index for the sign and `0` for zero; NaN is `nan`.
 */
export const outputCounts = z.strictObject({
  kind: z.enum(['labels', 'numbers']),
  counts: z.record(z.string(), count),
});

/** A metric of the process that was asked for by name, summed over its labels. */
export const customMetric = z.strictObject({
  type: z.enum(['gauge', 'counter', 'histogram']),
  /** Of a gauge or counter its value, of a histogram (or summary) its sum. */
  value: z.number(),
  /** Observations of a histogram; series of a gauge. */
  count: z.number().min(0),
});

export const podReport = z.strictObject({
  model: z.string(),
  version: z.string(),
  startedAt: z.iso.datetime(),
  ready: z.boolean(),
  load: z.strictObject({
    state: z.enum(MODEL_STATES),
    failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    /** SHA-256 of the model file, hexadecimal. */
    digest: z.string().optional(),
    /** Milliseconds by phase of the start: fetch, verify, open, warmup. */
    phases: z.record(z.string(), z.number()).default({}),
  }),
  signature: z.strictObject({ inputs: z.array(tensorMetadata), outputs: z.array(tensorMetadata) }).optional(),
  /** The table in force; absent while the process has none and answers everything itself. */
  table: z
    .strictObject({ revision: z.int().min(1), primary: z.string(), shares: z.record(z.string(), z.int().min(0)) })
    .optional(),
  inFlight: count,
  versions: z.record(z.string(), versionCounters),
  /**
   * Latency of answers as this version, by the server's own clock, from the last byte of the request to its answer; of a
   * request that another version failed first, only this version's part: versions are compared by it.
   */
  latency: latencySketch,
  /** Time that requests waited until they were run. */
  queue: latencySketch.default({}),
  /** By name of the output; absent unless the table asks for it. Users' and mirrored requests alike. */
  outputs: z.record(z.string(), outputCounts).optional(),
  /** Metrics asked for by `?custom=a,b`, by name; one that is not there is left out. */
  custom: z.record(z.string(), customMetric).optional(),
});

export type PodReport = z.output<typeof podReport>;
export type VersionCounters = z.output<typeof versionCounters>;
export type ShieldReason = (typeof SHIELD_REASONS)[number];
export type TensorMetadata = z.output<typeof tensorMetadata>;
export type OutputCounts = z.output<typeof outputCounts>;
export type CustomMetric = z.output<typeof customMetric>;
