/**
 * The traffic table: who answers what, at one revision. Written by the operator (a ConfigMap) or the supervisor (a
 * file), read by every runtime process of every version. JSON, one file, named `traffic.json`.
 */
import { z } from 'zod';
import { sha256 } from './fields.ts';
import { ALL } from './units.ts';

export const TRAFFIC_TABLE_FILE = 'traffic.json';

const points = z.int().min(0).max(ALL);

/** How the pods compare the answers of a mirrored request, and what else they keep for an analysis. */
const observe = z.strictObject({
  /** Outputs to compare; left out: those of labels where the model has any, else all. */
  outputs: z.array(z.string().min(1)).optional(),
  /** Numbers a, b are equal when |a − b| ≤ absolute + relative · |a|, a being the stable version's. */
  absolute: z.number().min(0),
  relative: z.number().min(0),
  topK: z.int().min(1).optional(),
  /** Differing requests that each process keeps. */
  keep: z.int().min(0).max(100),
  /** Whether each process counts how its predictions are distributed. */
  distribution: z.boolean(),
});

/** Half-open: `[from, to)` of the 10,000 slots. */
const range = z.tuple([points, points]).readonly();

const tableVersion = z.strictObject({
  name: z.string().min(1).max(63),
  /** Share of requests, basis points. Equals the number of slots in `ranges`. */
  share: points,
  /** Slots of this version. A request draws a slot, at random or from its cohort; see `slotOf` in the runtime. */
  ranges: z.array(range).max(ALL),
  /** Requests copied to it and compared, basis points. */
  shadow: points.default(0),
  /** SHA-256 of its model, hexadecimal: a process of it that loaded another file is not ready. Left out: any will do. */
  digest: sha256().optional(),
  /** Where its direct ports are. The host may resolve to many addresses (a headless Service). Absent while it has none. */
  address: z
    .strictObject({
      host: z.string().min(1),
      http: z.int().min(1).max(65535),
      grpc: z.int().min(1).max(65535).optional(),
    })
    .optional(),
});

export const trafficTable = z
  .strictObject({
    /** Name of the ModelDeployment, and of the model in every protocol. */
    model: z.string().min(1).max(63),
    /** Grows with every change. */
    revision: z.int().min(1),
    /** The stable version: behind the public door, and compared with. */
    primary: z.string().min(1).max(63),
    cohort: z.strictObject({ header: z.string().min(1) }).optional(),
    /** Absent while nothing is analysed: mirrored answers are then compared with the defaults. */
    observe: observe.optional(),
    versions: z.array(tableVersion).min(1).max(64),
  })
  .superRefine((table, ctx) => {
    const owner = new Array<string | undefined>(ALL).fill(undefined);
    for (const version of table.versions) {
      let slots = 0;
      for (const [from, to] of version.ranges) {
        for (let slot = from; slot < to; slot++) {
          if (owner[slot] !== undefined) {
            ctx.addIssue({
              code: 'custom',
              message: `slot ${slot} belongs to ${owner[slot]} and ${version.name}`,
              path: ['versions'],
            });
            return;
          }
          owner[slot] = version.name;
          slots++;
        }
      }
      if (slots !== version.share) {
        ctx.addIssue({
          code: 'custom',
          message: `${version.name} has share ${version.share} but ${slots} slots`,
          path: ['versions'],
        });
      }
    }
    if (owner.includes(undefined)) {
      ctx.addIssue({
        code: 'custom',
        message: `slot ${owner.indexOf(undefined)} belongs to no version`,
        path: ['versions'],
      });
    }
    const twice = table.versions.find((v, i) => table.versions.findIndex(({ name }) => name === v.name) !== i);
    if (twice) ctx.addIssue({ code: 'custom', message: `version ${twice.name} is listed twice`, path: ['versions'] });
    if (!table.versions.some((v) => v.name === table.primary)) {
      ctx.addIssue({
        code: 'custom',
        message: `primary ${table.primary} is not a version of the table`,
        path: ['primary'],
      });
    }
  });

export type TrafficTable = z.output<typeof trafficTable>;
export type Observe = z.output<typeof observe>;
export type TableVersion = TrafficTable['versions'][number];
export type Range = readonly [number, number];
