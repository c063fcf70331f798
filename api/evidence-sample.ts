/**
 * One line of a file of samples (`modelship simulate --samples`), JSON: everything that was counted between the sample
 * before and this one. What is left out of a version was not counted: zero.
 */
import { z } from 'zod';
import { latencySketch } from './latency-sketch.ts';
import { customMetric, outputCounts } from './pod-report.ts';

const count = z.int().min(0);

const versionEvidence = z
  .strictObject({
    /** Requests of users that were meant for it: answered by it, or answered by another because it could not. */
    requests: count.default(0),
    /** Of these, those that it failed. */
    failures: count.default(0),
    /** Of what it answered, seconds. */
    latency: latencySketch.default({}),
    /** Time in its queue, seconds. */
    queue: latencySketch.default({}),
    /** Mirrored requests both answers of which were compared. */
    pairs: count.default(0),
    /** Of these, those that differ. */
    differing: count.default(0),
    /** Mirrored requests that it failed. */
    mirrorFailures: count.default(0),
    /** How its predictions are distributed, by output. */
    outputs: z.record(z.string(), outputCounts).default({}),
    /** By name. Gauges as they are; the others as increments. */
    custom: z.record(z.string(), customMetric).default({}),
  })
  .refine((v) => v.failures <= v.requests, { path: ['failures'], error: 'more failures than requests' })
  .refine((v) => v.differing <= v.pairs, { path: ['differing'], error: 'more differing pairs than pairs' });

export const evidenceSample = z.strictObject({
  /** ms since the beginning of the file (or since 1970). */
  at: z.number().min(0),
  /** By version. */
  versions: z.record(z.string(), versionEvidence),
  /** What a Prometheus answered, by query. A query without an answer is left out. */
  prometheus: z.record(z.string(), z.number()).optional(),
  /** Processes whose report could not be had. */
  missing: z.array(z.string()).optional(),
});

/** The same as `EvidenceSample` of core/analysis/model.ts. */
export type EvidenceSampleLine = z.output<typeof evidenceSample>;
