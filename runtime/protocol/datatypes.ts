/** Datatypes of the Open Inference Protocol, and how each is held in memory. Pure. */

export const DATATYPES = [
  'BOOL',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export type Datatype = (typeof DATATYPES)[number];

/** BOOL is a byte of 0 or 1; FP16 its 16 bits; BYTES text. */
export type TensorData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | string[];

export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  /** Row-major; its length is the product of `shape`. */
  data: TensorData;
}

export type NumberData = Exclude<TensorData, string[]>;

interface NumberArray {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumberData;
  new (length: number): NumberData;
}

/** The array that holds each datatype. */
export const ARRAYS: Record<Exclude<Datatype, 'BYTES'>, NumberArray> = {
  BOOL: Uint8Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** Whole-number datatypes that a JavaScript number holds exactly: their arrays and ranges. */
export const SMALL_INTEGERS = {
  INT8: { make: (size: number) => new Int8Array(size), min: -(2 ** 7), max: 2 ** 7 - 1 },
  INT16: { make: (size: number) => new Int16Array(size), min: -(2 ** 15), max: 2 ** 15 - 1 },
  INT32: { make: (size: number) => new Int32Array(size), min: -(2 ** 31), max: 2 ** 31 - 1 },
  UINT8: { make: (size: number) => new Uint8Array(size), min: 0, max: 2 ** 8 - 1 },
  UINT16: { make: (size: number) => new Uint16Array(size), min: 0, max: 2 ** 16 - 1 },
  UINT32: { make: (size: number) => new Uint32Array(size), min: 0, max: 2 ** 32 - 1 },
} as const;

export const BIG_INTEGERS = {
  INT64: { make: (size: number) => new BigInt64Array(size), min: -(2n ** 63n), max: 2n ** 63n - 1n },
  UINT64: { make: (size: number) => new BigUint64Array(size), min: 0n, max: 2n ** 64n - 1n },
} as const;

/** Zeros (empty text for BYTES) of a datatype. */
export function zeros(datatype: Datatype, size: number): TensorData {
  return datatype === 'BYTES' ? new Array<string>(size).fill('') : new ARRAYS[datatype](size);
}

/** Number of values in a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}
