/** Whether a request's answer from a merged run is the one that it gets alone. Pure. */
import type { Tensor, TensorData } from '../protocol/datatypes.ts';

/**
 * Root mean square of the difference to that of the values. Wide, for two reasons: kernels round otherwise for other
 * batch sizes, and dynamic quantisation may take its scale from the whole batch. A model that mixes the rows of a run
 * (a softmax over dimension 0, attention over tokens that are its rows) is far beyond.
 */
const TOLERANCE = 0.1;

export function agree(merged: readonly Tensor[], alone: readonly Tensor[]): boolean {
  return merged.every((tensor, i) => {
    const other = alone[i] as Tensor;
    if (tensor.shape.length !== other.shape.length) return false;
    if (tensor.shape.some((dim, d) => dim !== other.shape[d])) return false;
    return tensor.datatype === 'BYTES' ? same(tensor.data, other.data) : near(tensor, other);
  });
}

function same(a: TensorData, b: TensorData): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function near(a: Tensor, b: Tensor): boolean {
  const [readA, readB] = [reader(a), reader(b)];
  let [difference, values] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [readA(i), readB(i)];
    // The same infinity, or NaN in both.
    if (Object.is(x, y)) continue;
    if (!Number.isFinite(x - y)) return false;
    difference += (x - y) ** 2;
    values += x ** 2 + y ** 2;
  }
  return difference <= (TOLERANCE ** 2 * values) / 2 + 1e-12 * a.data.length;
}

function reader({ datatype, data }: Tensor): (index: number) => number {
  if (datatype === 'FP16') return (index) => fromHalf(Number(data[index]));
  return (index) => Number(data[index]);
}

/** The number that 16 bits of IEEE 754 stand for. */
function fromHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
