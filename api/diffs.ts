/**
 * Requests that two versions answered differently, as one runtime process shows them at `/modelship/diffs` on its admin
 * port. They may hold what users sent: none are kept unless the traffic table says so (`observe.keep`).
 */
import { z } from 'zod';

export const DIFFS_PATH = '/modelship/diffs';

/** A tensor as the Open Inference Protocol writes it in JSON. */
export const diffTensor = z.strictObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int().min(0)),
  /** Row-major. NaN and infinities are strings, as in answers. */
  data: z.array(z.union([z.number(), z.boolean(), z.string()])),
  /** How many values there were, where `data` holds only the first of them; or texts were cut. */
  cutFrom: z.int().min(0).optional(),
});

export const diff = z.strictObject({
  /** RFC 3339: when the two answers were compared. */
  at: z.iso.datetime(),
  /** The version that the request was copied to. */
  version: z.string(),
  /** The first difference, in words. */
  reason: z.string(),
  inputs: z.array(diffTensor),
  /** What users were answered: outputs of the stable version. */
  stable: z.array(diffTensor),
  /** What the other version would have answered. */
  canary: z.array(diffTensor),
});

export const diffs = z.strictObject({
  model: z.string(),
  /** The version of this process. */
  stable: z.string(),
  /** How many of them each process keeps; 0: none, the switch is off. */
  keep: z.int().min(0),
  /** Newest first. */
  diffs: z.array(diff),
});

export type DiffTensor = z.output<typeof diffTensor>;
export type Diff = z.output<typeof diff>;
export type Diffs = z.output<typeof diffs>;
