/** Whether an output is the one that was expected: floating-point numbers within a tolerance, all else exactly. Pure. */
import type { Tensor, TensorData } from '../protocol/datatypes.ts';
import { show } from '../protocol/json-tensor.ts';
import { showShape } from '../protocol/signature.ts';

/**
 * The first difference, as `output 'label'[0]: expected 7, got 1`; undefined if there is none.
 * @param tolerance largest absolute difference of two floating-point numbers that are the same; NaN is NaN
 */
export function difference(expected: Tensor, got: Tensor | undefined, tolerance: number): string | undefined {
  const output = `output '${expected.name}'`;
  if (!got) return `${output}: it is not in the answer`;
  if (got.datatype !== expected.datatype) return `${output}: expected ${expected.datatype}, got ${got.datatype}`;
  if (!sameShape(expected.shape, got.shape)) {
    return `${output}: expected the shape ${showShape(expected.shape)}, got ${showShape(got.shape)}`;
  }
  const [wanted, found] = [numbers(expected), numbers(got)];
  const at = isFloat(expected) ? firstApart(wanted, found, tolerance) : firstUnequal(wanted, found);
  if (at < 0) return undefined;
  const [one, other] = [wanted[at], found[at]].map((value) => shown(expected, value));
  return `${output}${indexText(at, expected.shape)}: expected ${one}, got ${other}`;
}

type Values = ArrayLike<number | bigint | string>;

function isFloat({ datatype }: Tensor): boolean {
  return datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
}

/** FP16 is held as its bits. */
function numbers({ datatype, data }: Tensor): Values {
  if (datatype !== 'FP16') return data;
  const bits = data as Exclude<TensorData, string[]>;
  return new Float16Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.length);
}

function firstApart(wanted: Values, found: Values, tolerance: number): number {
  for (let i = 0; i < wanted.length; i++) {
    const [one, other] = [wanted[i] as number, found[i] as number];
    if (one === other || Math.abs(one - other) <= tolerance) continue;
    if (!(Number.isNaN(one) && Number.isNaN(other))) return i;
  }
  return -1;
}

function firstUnequal(wanted: Values, found: Values): number {
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== found[i]) return i;
  return -1;
}

function sameShape(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((dim, axis) => dim === other[axis]);
}

/** Place 5 of shape [2, 3] → `[1,2]`; of a scalar nothing. */
function indexText(place: number, shape: readonly number[]): string {
  const index: number[] = [];
  let rest = place;
  for (const dim of shape.toReversed()) {
    index.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return index.length === 0 ? '' : showShape(index);
}

/** Digits that a number of the datatype has. */
const DIGITS: Readonly<Record<string, number>> = { FP16: 4, FP32: 8 };

function shown({ datatype }: Tensor, value: unknown): string {
  if (datatype === 'BOOL') return String(value === 1);
  const digits = DIGITS[datatype];
  return digits === undefined ? show(value) : String(Number((value as number).toPrecision(digits)));
}
