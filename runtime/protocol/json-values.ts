/**
 * JSON values → the typed array of one datatype. Every value is checked: typed arrays wrap, round and coerce in silence.
 * A loop of its own for each kind of datatype, since one that calls a closure a value takes three times as long. Pure.
 */
import { BIG_INTEGERS, type Datatype, type NumberData, SMALL_INTEGERS, type TensorData } from './datatypes.ts';
import { unfilled } from './tensor-memory.ts';

/**
 * Puts JSON values in place, from `at` on; there is room for them.
 * @param from index of the first of `values`, whose place is `at + from`
 * @returns the index of the first value that the datatype does not take; −1 if it took them all
 */
export type Fill = (values: readonly unknown[], at: number, from?: number) => number;

export interface Sink {
  /** Its values are undefined until they are filled. */
  data: TensorData;
  fill: Fill;
}

/** An empty tensor of a datatype, to be filled row by row. */
export function sink(datatype: Datatype, size: number): Sink {
  const data = datatype === 'BYTES' ? new Array<string>(size) : unfilled(datatype, size);
  return { data, fill: fillOf(datatype, data) };
}

function fillOf(datatype: Datatype, given: TensorData): Fill {
  if (datatype === 'BYTES') return (values, at, from = 0) => fillTexts(given as string[], values, at, from);
  const data = given as NumberData;
  switch (datatype) {
    case 'FP32':
      return (values, at, from = 0) => fillSingles(data as Float32Array, values, at, from);
    case 'FP64':
      return (values, at, from = 0) => fillFloats(data as Float64Array, values, at, from);
    case 'FP16': {
      const view = new Float16Array(data.buffer, data.byteOffset, data.length);
      return (values, at, from = 0) => fillFloats(view, values, at, from);
    }
    case 'INT64':
    case 'UINT64': {
      const words = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
      const { min, max } = BIG_INTEGERS[datatype];
      return (values, at, from = 0) => fillBigs({ data: data as BigInt64Array, words, min, max }, values, at, from);
    }
    case 'BOOL':
      return (values, at, from = 0) => fillBools(data as Uint8Array, values, at, from);
    default:
      return (values, at, from = 0) => fillIntegers(data as Int32Array, values, at, from);
  }
}

const WORDS = 'or the strings "NaN", "Infinity", "-Infinity"';

/** What a datatype takes, for messages. */
export function takes(datatype: Datatype): string {
  switch (datatype) {
    case 'BOOL':
      return 'true and false';
    case 'BYTES':
      return 'strings without the character U+0000';
    case 'FP16':
      return `numbers up to ±65504, ${WORDS}`;
    case 'FP32':
      return `numbers up to ±3.4028235e38, ${WORDS}`;
    case 'FP64':
      return `numbers up to ±1.7976931348623157e308, ${WORDS}`;
    case 'INT64':
    case 'UINT64': {
      const { min, max } = BIG_INTEGERS[datatype];
      return `whole numbers from ${min} to ${max}, written as digits`;
    }
    default: {
      const { min, max } = SMALL_INTEGERS[datatype];
      return `whole numbers from ${min} to ${max}`;
    }
  }
}

const FLOAT_WORDS = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** The same as `fillFloats`, with stores to one kind of array only: the datatype of most models. */
function fillSingles(data: Float32Array, values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') {
      data[at + i] = value;
      // Rounded to infinity, if it is none of the numbers.
      if (Number.isFinite(data[at + i])) continue;
      return i;
    }
    if (!putOther(data, value, at + i)) return i;
  }
  return -1;
}

function fillFloats(data: Float16Array | Float64Array, values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') {
      data[at + i] = value;
      if (Number.isFinite(data[at + i])) continue;
      return i;
    }
    if (!putOther(data, value, at + i)) return i;
  }
  return -1;
}

function putOther(data: Float16Array | Float32Array | Float64Array, value: unknown, at: number): boolean {
  if (typeof value === 'bigint') {
    data[at] = Number(value);
    return Number.isFinite(data[at]);
  }
  const word = FLOAT_WORDS.get(value);
  if (word === undefined) return false;
  data[at] = word;
  return true;
}

function fillIntegers(data: Int32Array, values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') return i;
    data[at + i] = value;
    // A fraction was cut or a value wrapped if it does not read back.
    if (data[at + i] !== value) return i;
  }
  return -1;
}

interface Bigs {
  data: BigInt64Array | BigUint64Array;
  /** The same memory: of each value the low half, then the high one. */
  words: Int32Array;
  min: bigint;
  max: bigint;
}

function fillBigs({ data, words, min, max }: Bigs, values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number' && value >= 0 && value === (value | 0)) {
      // Most are small: no bigint is made for them.
      words[2 * (at + i)] = value;
      words[2 * (at + i) + 1] = 0;
      continue;
    }
    // A number beyond 2^53 that is no bigint was written with a fraction or an exponent and may have been rounded.
    const exact = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    if (exact === undefined || exact < min || exact > max) return i;
    data[at + i] = exact;
  }
  return -1;
}

function fillBools(data: Uint8Array, values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'boolean') return i;
    data[at + i] = value ? 1 : 0;
  }
  return -1;
}

function fillTexts(data: string[], values: readonly unknown[], at: number, from: number): number {
  for (let i = from; i < values.length; i++) {
    const value = values[i];
    // onnxruntime cuts a string at its first NUL.
    if (typeof value !== 'string' || value.includes('\0')) return i;
    data[at + i] = value;
  }
  return -1;
}
