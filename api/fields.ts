/**
 * The words that every schema of the contract is built from: a described field, a rule that the API server (CEL) and
 * this code check alike, and the scalar formats (names, durations, quantities, percentages).
 */
import { z } from 'zod';

/** What a reader of the reference wants to know of a field beside its type. */
export interface FieldNotes {
  /** Unit of the value, such as `percent` or `requests`. */
  unit?: string;
  /** The value that counts when the field is left out. Applied in code (`api/effective.ts`), never by the API server. */
  default?: unknown;
}

/** Attaches description, unit and default to a schema. `x-unit` and `x-default` are read by the generators. */
export function field<T extends z.ZodType>(schema: T, description: string, notes: FieldNotes = {}): T {
  return schema.meta({
    ...schema.meta(),
    description,
    ...(notes.unit === undefined ? {} : { 'x-unit': notes.unit }),
    ...(notes.default === undefined ? {} : { 'x-default': notes.default }),
  });
}

/** One cross-field law, stated twice: for the API server in CEL, for files on a laptop as a predicate. */
export interface Rule<T> {
  /** CEL over `self` (and `oldSelf` for a transition rule), as `x-kubernetes-validations` takes it. */
  cel: string;
  /** What is wrong and what to do; the same words in both places. */
  message: string;
  /** Whether the value obeys. Left out for transition rules: a file on its own has no old value. */
  holds?: (value: T) => boolean;
  /** Where in the value the message belongs. */
  path?: PropertyKey[];
}

/** Attaches rules to a schema: predicates run by zod, CEL carried as `x-kubernetes-validations`. */
export function withRules<T extends z.ZodType>(schema: T, rules: Rule<z.output<T>>[]): T {
  let checked = schema;
  for (const rule of rules) {
    const { holds } = rule;
    if (!holds) continue;
    checked = checked.refine(holds as (value: unknown) => boolean, { message: rule.message, path: rule.path ?? [] });
  }
  return checked.meta({
    ...schema.meta(),
    'x-kubernetes-validations': rules.map(({ cel, message }) => ({ rule: cel, message })),
  });
}

const DURATION = /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/;
const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;

/** A span of time such as `250ms`, `30s` or `1h30m`. */
export const duration = () =>
  z
    .string()
    .max(32)
    .regex(DURATION, 'expected a duration such as 250ms, 30s, 5m or 1h30m')
    .meta({ 'x-format': 'duration' });

/** A Kubernetes quantity: `1`, `500m`, `128Mi`, `40Gi`. */
export const quantity = () =>
  z
    .union([z.int().min(0), z.string().max(32).regex(QUANTITY, 'expected a quantity such as 1, 500m, 128Mi or 40Gi')])
    .meta({ 'x-kubernetes-int-or-string': true, 'x-format': 'quantity' });

/** A share of requests, in percent, to a hundredth (a basis point). */
export const percent = () =>
  z
    .number()
    .min(0)
    .max(100)
    .refine((value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6, {
      message: 'expected a percentage with at most two decimals',
    })
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'self * 100.0 - double(int(self * 100.0 + 0.5)) < 0.000001 && double(int(self * 100.0 + 0.5)) - self * 100.0 < 0.000001',
          message: 'expected a percentage with at most two decimals',
        },
      ],
    });

/** An RFC 1035 label: lower-case letters, digits and `-`, starting with a letter. */
export const label = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 'expected lower-case letters, digits and "-", starting with a letter');

/** A lower-case hexadecimal SHA-256 digest. */
export const sha256 = () => z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');

/** A Kubernetes structure that is handed on as it is, unchecked by us. */
export const passthrough = () =>
  z.record(z.string(), z.unknown()).meta({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
