/** Typed contents of a tensor (`InferTensorContents`) ↔ typed arrays. Pure. */
import { RequestError } from '../errors.ts';
import { rawOf, readRaw } from '../protocol/binary-tensor.ts';
import { BIG_INTEGERS, type Datatype, SMALL_INTEGERS, type Tensor, type TensorData } from '../protocol/datatypes.ts';
import { unfilled } from '../protocol/tensor-memory.ts';
import { BYTES, FIXED32, FIXED64, malformed, Reader, tagOf, VARINT } from './reader.ts';
import type { Writer } from './writer.ts';

interface Field {
  number: number;
  name: string;
  /** Of one value that is not packed. */
  wireType: number;
}

const BOOLS: Field = { number: 1, name: 'bool_contents', wireType: VARINT };
const INTS: Field = { number: 2, name: 'int_contents', wireType: VARINT };
const UINTS: Field = { number: 4, name: 'uint_contents', wireType: VARINT };

const FIELDS: Record<Exclude<Datatype, 'FP16'>, Field> = {
  BOOL: BOOLS,
  INT8: INTS,
  INT16: INTS,
  INT32: INTS,
  INT64: { number: 3, name: 'int64_contents', wireType: VARINT },
  UINT8: UINTS,
  UINT16: UINTS,
  UINT32: UINTS,
  UINT64: { number: 5, name: 'uint64_contents', wireType: VARINT },
  FP32: { number: 6, name: 'fp32_contents', wireType: FIXED32 },
  FP64: { number: 7, name: 'fp64_contents', wireType: FIXED64 },
  BYTES: { number: 8, name: 'bytes_contents', wireType: BYTES },
};
const LAST_FIELD = 8;
const WIDTHS: Record<number, number> = { [FIXED32]: 4, [FIXED64]: 8 };

/**
 * The values of a tensor.
 * @param contents the bytes of an `InferTensorContents`
 * @param size number of values: the product of its shape
 * @param where names the tensor in messages, such as `input 'image'`
 * @throws RequestError INPUT_DATA, INVALID_REQUEST
 */
export function readContents(contents: Buffer, datatype: Datatype, size: number, where: string): TensorData {
  if (datatype === 'FP16') {
    throw new RequestError('INPUT_DATA', `${where}: FP16 has no typed contents; send it in raw_input_contents`);
  }
  const field = FIELDS[datatype];
  // Nothing is allocated before the values are known to be there: a shape alone can't ask for memory.
  const found = countValues(contents, field, datatype, where);
  if (found !== size) {
    throw new RequestError('INPUT_DATA', `${where}: ${field.name} has ${found} values, but its shape holds ${size}`);
  }
  if (datatype === 'BYTES') return readTexts(contents, size, where);
  if (datatype === 'FP32' || datatype === 'FP64') return readFloats(contents, field, datatype, size, where);
  return readIntegers(contents, field, datatype, size, where);
}

function countValues(contents: Buffer, { number, name, wireType }: Field, datatype: Datatype, where: string): number {
  const reader = new Reader(contents);
  let count = 0;
  while (reader.more) {
    const tag = reader.tag();
    const isMine = tag >>> 3 === number;
    if (isMine && (tag & 7) === wireType) {
      count++;
      reader.skip(tag);
    } else if (isMine && (tag & 7) === BYTES) count += countPacked(reader.child(), wireType, name);
    else if (tag >>> 3 <= LAST_FIELD) {
      const others = `contents of another type (field ${tag >>> 3} of InferTensorContents)`;
      throw new RequestError('INPUT_DATA', `${where} has ${others}; ${datatype} takes ${name}`);
    } else reader.skip(tag);
  }
  return count;
}

function countPacked(values: Reader, wireType: number, name: string): number {
  const width = WIDTHS[wireType];
  if (width === undefined) return values.countVarints();
  if (values.left % width !== 0)
    throw malformed(`${name} has ${values.left} bytes, which is no whole number of values`);
  return values.left / width;
}

/** Calls back with a reader at each value of the field, packed or not. */
function eachValue(contents: Buffer, { number, wireType }: Field, read: (reader: Reader) => void): void {
  const reader = new Reader(contents);
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(number, wireType)) read(reader);
    else if (tag === tagOf(number, BYTES)) for (const values = reader.child(); values.more; ) read(values);
    else reader.skip(tag);
  }
}

function readFloats(
  contents: Buffer,
  field: Field,
  datatype: 'FP32' | 'FP64',
  size: number,
  where: string,
): TensorData {
  const reader = new Reader(contents);
  const width = WIDTHS[field.wireType] as number;
  if (reader.more && reader.tag() === tagOf(field.number, BYTES)) {
    // As every writer does it: one run of values, which are what raw contents would be.
    const values = reader.bytes();
    if (values.length === size * width) return readRaw(values, datatype, size, where);
  }
  const all = Buffer.allocUnsafeSlow(size * width);
  let at = 0;
  eachValue(contents, field, (from) => {
    at += from.take(width).copy(all, at);
  });
  return readRaw(all, datatype, size, where);
}

type Integer = Exclude<Datatype, 'FP16' | 'FP32' | 'FP64' | 'BYTES'>;

function readIntegers(contents: Buffer, field: Field, datatype: Integer, size: number, where: string): TensorData {
  const data = unfilled(datatype, size) as Int32Array;
  let at = 0;
  if (datatype in BIG_INTEGERS) {
    const halves = new Uint32Array(data.buffer, data.byteOffset, size * 2);
    eachValue(contents, field, (reader) => {
      reader.varint();
      halves[at++] = reader.low;
      halves[at++] = reader.high;
    });
  } else if (datatype === 'BOOL') {
    eachValue(contents, field, (reader) => {
      data[at++] = reader.bool() ? 1 : 0;
    });
  } else {
    const { min, max } = SMALL_INTEGERS[datatype as keyof typeof SMALL_INTEGERS];
    eachValue(contents, field, (reader) => {
      reader.varint();
      const value = min < 0 ? reader.low | 0 : reader.low;
      if (value < min || value > max) {
        const takes = `${datatype} takes whole numbers from ${min} to ${max}`;
        throw new RequestError('INPUT_DATA', `${where}: ${field.name}[${at}] is ${value}; ${takes}`);
      }
      data[at++] = value;
    });
  }
  return data;
}

function readTexts(contents: Buffer, size: number, where: string): string[] {
  const texts = new Array<string>(size);
  let at = 0;
  const reader = new Reader(contents);
  while (reader.more) {
    const tag = reader.tag();
    if (tag !== tagOf(FIELDS.BYTES.number, BYTES)) {
      reader.skip(tag);
      continue;
    }
    const text = reader.string(`${where}: bytes_contents[${at}]`);
    if (text.includes('\0')) {
      const why = 'has the character U+0000, where ONNX Runtime would cut it';
      throw new RequestError('INPUT_DATA', `${where}: bytes_contents[${at}] ${why}`);
    }
    texts[at++] = text;
  }
  return texts;
}

/** Whether typed contents can hold a datatype. */
export function isTyped(datatype: Datatype): datatype is Exclude<Datatype, 'FP16'> {
  return datatype !== 'FP16';
}

/** Writes the fields of an `InferTensorContents`. */
export function writeContents(writer: Writer, { datatype, data }: Tensor): void {
  const { number } = FIELDS[datatype as Exclude<Datatype, 'FP16'>];
  if (datatype === 'BYTES') for (const text of data as string[]) writer.string(number, text);
  else if (data.length === 0) return;
  else if (datatype === 'FP32' || datatype === 'FP64') writer.bytes(number, rawOf({ datatype, data }));
  else if (datatype in BIG_INTEGERS) writer.longs(number, data as BigInt64Array);
  else writer.ints(number, data as Int32Array);
}
