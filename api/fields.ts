/**
 * The words that every schema of the contract is built from: a described field, and the scalar formats (names,
 * durations, quantities, percentages).
 */
import { z } from 'zod';
import { withRules } from './rules.ts';
import { durationMs } from './units.ts';

export { keyedBy, type Rule, setOf, withRules } from './rules.ts';

/** What a reader of the reference wants to know of a field beside its type. */
export interface FieldNotes {
  /** Unit of the value, such as `percent` or `requests`. */
  unit?: string;
  /** The value that counts when the field is left out. Applied in code (`api/effective.ts`), never by the API server. */
  default?: unknown;
  /** What it means to leave the field out, where no single value stands for it: `no GPU`. */
  absent?: string;
}

/** Attaches description, unit and default to a schema. `x-unit`, `x-default` and `x-absent` are read by the generators. */
export function field<T extends z.ZodType>(schema: T, description: string, notes: FieldNotes = {}): T {
  return schema.meta({
    ...schema.meta(),
    description,
    ...(notes.unit === undefined ? {} : { 'x-unit': notes.unit }),
    ...(notes.default === undefined ? {} : { 'x-default': notes.default }),
    ...(notes.absent === undefined ? {} : { 'x-absent': notes.absent }),
  });
}

/** Go's notation, as Gateway API limits it, with fractions: five digits a part keep CEL's `duration()` from overflowing. */
const DURATION = /^([0-9]{1,5}(\.[0-9]{1,3})?(ms|s|m|h)){1,4}$/;

/** Kept under 2^31 ms, above which a timer of Node fires at once. */
const LONGEST = '336h';

/** A span of time such as `250ms`, `30s` or `1h30m`, from `min` to `max`. */
export const duration = ({ min = '0s', max = LONGEST }: { min?: string; max?: string } = {}) =>
  withRules(z.string().max(32).regex(DURATION, 'expected a duration such as 250ms, 30s, 5m or 1h30m'), [
    {
      cel: `duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
      message: `expected a duration from ${min} to ${max}`,
      holds: (text) => durationMs(text) >= durationMs(min) && durationMs(text) <= durationMs(max),
    },
  ]).meta({ 'x-format': 'duration', 'x-range': `${min} to ${max}` });

const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
/** Not zero, and not less than a byte. */
const SIZE = /^([1-9][0-9]*|([1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)(k|M|G|T|Ki|Mi|Gi|Ti))$/;

/** A Kubernetes quantity: `1`, `500m`, `128Mi`, `40Gi`. */
export const quantity = () =>
  z
    .union([z.int().min(0), z.string().max(32).regex(QUANTITY, 'expected a quantity such as 1, 500m, 128Mi or 40Gi')])
    .meta({ 'x-kubernetes-int-or-string': true, 'x-format': 'quantity' });

/** A number of bytes, at least one, as a Kubernetes quantity: `1048576`, `128Mi`, `1.5Gi`. */
export const bytes = () =>
  z
    .union([z.int().min(1), z.string().max(16).regex(SIZE, 'expected a size such as 512Ki, 16Mi or 1.5Gi')])
    .meta({ 'x-kubernetes-int-or-string': true, 'x-format': 'size' });

const asBasisPoints = 'double(int(self * 100.0 + 0.5))';

/** A share of requests, in percent, to a hundredth (a basis point). */
export const percent = () =>
  withRules(z.number().min(0).max(100), [
    {
      cel: `self * 100.0 - ${asBasisPoints} < 0.000001 && ${asBasisPoints} - self * 100.0 < 0.000001`,
      message: 'expected a percentage with at most two decimals',
      holds: (value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6,
    },
  ]);

/** An RFC 1035 label: lower-case letters, digits and `-`, starting with a letter. */
export const label = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 'expected lower-case letters, digits and "-", starting with a letter');

/** A DNS name: what Kubernetes lets most of its objects be called. */
export const dnsName = () =>
  z
    .string()
    .min(1)
    .max(253)
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
      'expected a name of lower-case letters, digits, "-" and "."',
    );

/** A lower-case hexadecimal SHA-256 digest. */
export const sha256 = () =>
  z
    .string()
    .max(64)
    .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');

/** Values by key, at most `max` of them: CEL's cost estimate multiplies by it. */
export const mapOf = <T extends z.ZodType>(value: T, max: number) =>
  z
    .record(z.string(), value)
    .refine((map) => Object.keys(map).length <= max, { message: `expected at most ${max} entries` })
    .meta({ maxProperties: max });

/** The value of a label of Kubernetes. */
export const labelValue = () =>
  z
    .string()
    .max(63)
    .regex(
      /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/,
      'expected a label value: letters, digits, "-", "_" and ".", starting and ending with a letter or digit',
    );

/** A Kubernetes structure that is handed on as it is, unchecked by us. */
export const passthrough = () =>
  z.record(z.string(), z.unknown()).meta({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
