/** Tensor data as bytes, row-major and little-endian, as the binary tensor extension and gRPC's raw contents have it. Pure. */
import { isUtf8 } from 'node:buffer';
import { endianness } from 'node:os';
import { RequestError } from '../errors.ts';
import { ARRAYS, type Datatype, type NumberData, type Tensor, type TensorData } from './datatypes.ts';

// Typed arrays are in the machine's order. ONNX Runtime for Node is built for x64 and arm64 only, which are little-endian.
if (endianness() !== 'LE') throw new Error('the runtime needs a little-endian machine: tensors are not swapped');

/** Bytes of a value; undefined for BYTES, whose elements say their own length. */
export function widthOf(datatype: Datatype): number | undefined {
  return datatype === 'BYTES' ? undefined : ARRAYS[datatype].BYTES_PER_ELEMENT;
}

/**
 * The values that bytes hold. A view of `bytes` where they are aligned, else one copy: the bytes must not change, and
 * whoever transfers the array to another thread takes all that shares its memory along.
 * @param bytes exactly those of the tensor
 * @param size number of values: the product of its shape
 * @param where names the tensor in messages, such as `input 'image'`
 * @throws RequestError INPUT_DATA
 */
export function readRaw(bytes: Uint8Array, datatype: Datatype, size: number, where: string): TensorData {
  if (datatype === 'BYTES') return readText(bytes, size, where);
  const View = ARRAYS[datatype];
  const width = View.BYTES_PER_ELEMENT;
  if (bytes.length !== size * width) {
    const holds = `${size} values of ${datatype} are ${size * width}`;
    throw new RequestError('INPUT_DATA', `${where}: its binary data are ${bytes.length} bytes, but ${holds}`);
  }
  if (datatype === 'BOOL') requireBools(bytes, where);
  // A copy of its own, not of the shared pool that Buffer.from takes from.
  const source = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new View(source.buffer, source.byteOffset, size);
}

function requireBools(bytes: Uint8Array, where: string): void {
  for (let i = 0; i < bytes.length; i++) {
    if ((bytes[i] as number) <= 1) continue;
    throw new RequestError('INPUT_DATA', `${where}: its value ${i} is the byte ${bytes[i]}; BOOL takes 0 and 1`);
  }
}

const PREFIX = 4;

/** Each element: its length in bytes (uint32), then its text in UTF-8. */
function readText(given: Uint8Array, size: number, where: string): string[] {
  const refuse = (what: string) => new RequestError('INPUT_DATA', `${where}: ${what}`);
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  // Before anything is allocated: a shape alone can't ask for memory.
  if (size * PREFIX > bytes.length) {
    const needs = `${size} values of BYTES need ${size * PREFIX} for their lengths alone`;
    throw refuse(`its binary data are ${bytes.length} bytes, but ${needs}`);
  }
  const values = new Array<string>(size);
  let at = 0;
  for (let i = 0; i < size; i++) {
    const rest = bytes.length - at - PREFIX;
    if (rest < 0) throw refuse(`its binary data end after ${i} of ${size} values`);
    const length = bytes.readUInt32LE(at);
    if (length > rest) throw refuse(`its value ${i} says that it has ${length} bytes, but ${rest} are left`);
    const start = at + PREFIX;
    at = start + length;
    const text = bytes.toString('utf8', start, at);
    // Bytes that are no UTF-8 decode to U+FFFD; so does U+FFFD itself.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, at))) {
      throw refuse(`its value ${i} is not UTF-8; BYTES takes text here`);
    }
    if (text.includes('\0')) throw refuse(`its value ${i} has the character U+0000, where ONNX Runtime would cut it`);
    values[i] = text;
  }
  if (at !== bytes.length) throw refuse(`its ${size} values take ${at} bytes, but its binary data are ${bytes.length}`);
  return values;
}

/** The bytes of a tensor's values. A view of them where the datatype allows, so neither must change afterwards. */
export function rawOf({ datatype, data }: Pick<Tensor, 'datatype' | 'data'>): Buffer {
  if (datatype === 'BYTES') return rawText(data as string[]);
  const { buffer, byteOffset, byteLength } = data as NumberData;
  return Buffer.from(buffer, byteOffset, byteLength);
}

function rawText(values: readonly string[]): Buffer {
  let size = 0;
  for (const value of values) size += PREFIX + Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const value of values) {
    const length = bytes.write(value, at + PREFIX);
    bytes.writeUInt32LE(length, at);
    at += PREFIX + length;
  }
  return bytes;
}
