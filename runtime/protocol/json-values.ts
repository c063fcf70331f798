/** JSON values → the typed array of one datatype. Every value is checked: typed arrays wrap, round and coerce in silence. Pure. */
import { BIG_INTEGERS, type Datatype, SMALL_INTEGERS, type TensorData } from './datatypes.ts';

/** Puts one JSON value in place. @returns false when the datatype does not take it */
export type Put = (value: unknown, at: number) => boolean;

export interface Sink {
  data: TensorData;
  put: Put;
  /** What the datatype takes, for messages. */
  takes: string;
}

/** An empty tensor of a datatype, to be filled value by value. */
export function sink(datatype: Datatype, size: number): Sink {
  switch (datatype) {
    case 'BOOL':
      return boolSink(size);
    case 'BYTES':
      return textSink(size);
    case 'FP16': {
      const bits = new Uint16Array(size);
      return floatSink(bits, new Float16Array(bits.buffer), 'numbers up to ±65504');
    }
    case 'FP32': {
      const data = new Float32Array(size);
      return floatSink(data, data, 'numbers up to ±3.4028235e38');
    }
    case 'FP64': {
      const data = new Float64Array(size);
      return floatSink(data, data, 'numbers up to ±1.7976931348623157e308');
    }
    case 'INT64':
    case 'UINT64':
      return bigSink(datatype, size);
    default:
      return integerSink(datatype, size);
  }
}

function boolSink(size: number): Sink {
  const data = new Uint8Array(size);
  const put: Put = (value, at) => {
    if (typeof value !== 'boolean') return false;
    data[at] = value ? 1 : 0;
    return true;
  };
  return { data, put, takes: 'true and false' };
}

function textSink(size: number): Sink {
  const data = new Array<string>(size).fill('');
  const put: Put = (value, at) => {
    // onnxruntime cuts a string at its first NUL.
    if (typeof value !== 'string' || value.includes('\0')) return false;
    data[at] = value;
    return true;
  };
  return { data, put, takes: 'strings without the character U+0000' };
}

const FLOAT_WORDS = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** @param view writes through to `data`, rounding to the datatype */
function floatSink(data: TensorData, view: Float16Array | Float32Array | Float64Array, takes: string): Sink {
  const put: Put = (value, at) => {
    if (typeof value === 'number' || typeof value === 'bigint') {
      const rounded = Number(value);
      view[at] = rounded;
      return Number.isFinite(view[at]);
    }
    const word = FLOAT_WORDS.get(value);
    if (word === undefined) return false;
    view[at] = word;
    return true;
  };
  return { data, put, takes: `${takes}, or the strings "NaN", "Infinity", "-Infinity"` };
}

function integerSink(datatype: keyof typeof SMALL_INTEGERS, size: number): Sink {
  const { make, min, max } = SMALL_INTEGERS[datatype];
  const data = make(size);
  const put: Put = (value, at) => {
    if (typeof value !== 'number') return false;
    data[at] = value;
    // A fraction was cut or a value wrapped if it does not read back.
    return data[at] === value;
  };
  return { data, put, takes: `whole numbers from ${min} to ${max}` };
}

function bigSink(datatype: keyof typeof BIG_INTEGERS, size: number): Sink {
  const { make, min, max } = BIG_INTEGERS[datatype];
  const data = make(size);
  const put: Put = (value, at) => {
    // A number beyond 2^53 that is no bigint was written with a fraction or an exponent and may have been rounded.
    const exact = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    if (exact === undefined || exact < min || exact > max) return false;
    data[at] = exact;
    return true;
  };
  return { data, put, takes: `whole numbers from ${min} to ${max}, written as digits` };
}
