/**
 * A file of golden requests: what a model must answer before it is ready. JSON; a request and its answer are those of the
 * Open Inference Protocol over REST. Described in docs/reference/golden.md.
 */
import { z } from 'zod';

/** Largest file, bytes, and the most requests in it: all of it is replayed at each start. */
export const GOLDEN_MAX_BYTES = 16 * 2 ** 20;
export const GOLDEN_MAX_REQUESTS = 1_000;

/** `data` is checked by who replays: row-major, flat or nested as `shape` says; NaN and infinities as strings. */
const tensor = z.strictObject({
  name: z.string().min(1).max(256),
  /** Of the protocol, such as FP32. */
  datatype: z.string().min(1).max(16),
  shape: z.array(z.int().min(0)).max(32),
  parameters: z.record(z.string(), z.unknown()).optional(),
  data: z.unknown().optional(),
});

const request = z.strictObject({
  /** For messages; a request without one is called by its place. */
  name: z.string().min(1).max(128).optional(),
  /** As a request has them. May be empty for a model that takes none. */
  inputs: z.array(tensor),
  /** As the answer must have them; outputs of the model that are not here may be anything. */
  outputs: z.array(tensor).min(1),
});

export const goldenFile = z.strictObject({
  requests: z.array(request).min(1).max(GOLDEN_MAX_REQUESTS),
});

export type GoldenFile = z.output<typeof goldenFile>;
export type GoldenTensor = z.output<typeof tensor>;
