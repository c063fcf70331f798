/** What a request carries, and how it is written down, whoever is asked. */

export type Datatype = 'FP32' | 'INT64';

export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  data: Float32Array | BigInt64Array;
}

/** The inputs of one request, or the outputs of one answer. */
export type Tensors = readonly Tensor[];

export function float32(name: string, shape: readonly number[], values: Iterable<number>): Tensor {
  return { name, datatype: 'FP32', shape, data: Float32Array.from(values) };
}

export function int64(name: string, shape: readonly number[], values: Iterable<number>): Tensor {
  return { name, datatype: 'INT64', shape, data: BigInt64Array.from(values, BigInt) };
}

/** Plain numbers; the shortest text that reads back as the same float32, as clients that hold float32 send it. */
export function numbersOf({ data }: Tensor): number[] {
  return data instanceof Float32Array ? Array.from(data, shortest) : Array.from(data, Number);
}

function shortest(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** Nested lists by shape, as `numpy.ndarray.tolist` gives. */
export function nested(flat: readonly number[], shape: readonly number[]): unknown {
  if (shape.length <= 1) return flat;
  const [rows = 1, ...inner] = shape;
  const size = flat.length / rows;
  return Array.from({ length: rows }, (_, row) => nested(flat.slice(row * size, (row + 1) * size), inner));
}

/** Little-endian, row-major. No copy. */
export function bytesOf({ data }: Tensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** Numbers of little-endian bytes. @throws RangeError when the bytes are not whole elements */
export function numbersIn(bytes: Buffer, datatype: string): number[] {
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (datatype === 'FP32') return Array.from(new Float32Array(copy));
  if (datatype === 'INT64') return Array.from(new BigInt64Array(copy), Number);
  throw new RangeError(`no reader for ${datatype}`);
}

/**
 * How far an answer is from the expected one: the length of the difference over the length of the expected vector.
 * Infinity when they are not of one length or something is no number.
 */
export function distance(expected: readonly number[], got: readonly number[]): number {
  if (expected.length !== got.length) return Number.POSITIVE_INFINITY;
  let apart = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i] as number, got[i] as number];
    apart += (a - b) ** 2;
    size += a ** 2;
  }
  const far = Math.sqrt(apart) / Math.sqrt(size || 1);
  return Number.isNaN(far) ? Number.POSITIVE_INFINITY : far;
}
