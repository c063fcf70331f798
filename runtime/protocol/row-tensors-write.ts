/** Output tensors → nested JSON, by row or by column, written straight from the typed arrays. Pure. */
import { RequestError } from '../errors.ts';
import type { NumberData, Tensor } from './datatypes.ts';
import { writeValues } from './json-numbers.ts';
import { showShape } from './signature.ts';

/** How NaN and infinities are written: as TensorFlow Serving does, which is no JSON, or as strings. */
export type FloatWords = 'bare' | 'quoted';

/** Comma-separated JSON of the values from one position to another, the latter not included. */
type Leaf = (from: number, to: number) => string;

/** `[[1, 2], …]` of the only output, or `[{"label": 1, "scores": [2]}, …]`. @throws RequestError INVALID_REQUEST */
export function writeRows(outputs: readonly Tensor[], words: FloatWords): string {
  rowCount(outputs);
  return outputs.length === 1 ? writeColumns(outputs, words) : `[${rowTexts(outputs, words).join(',')}]`;
}

/** JSON of each row. @throws RequestError INVALID_REQUEST when the outputs do not agree in dimension 0 */
export function rowTexts(outputs: readonly Tensor[], words: FloatWords): string[] {
  const count = rowCount(outputs);
  const columns = outputs.map((output) => {
    const inner = output.shape.slice(1);
    const step = output.data.length / (count || 1);
    const leaf = leafOf(output, words);
    return (row: number) => writeNested(leaf, inner, row * step, step);
  });
  const [only] = columns;
  if (only && columns.length === 1) return Array.from({ length: count }, (_, row) => only(row));
  const names = outputs.map(({ name }) => `${JSON.stringify(name)}:`);
  return Array.from({ length: count }, (_, row) => {
    const fields = columns.map((column, index) => names[index] + column(row));
    return `{${fields.join(',')}}`;
  });
}

/** Dimension 0 of all outputs. @throws RequestError INVALID_REQUEST when there is no such number */
export function rowCount(outputs: readonly Tensor[]): number {
  const [first] = outputs;
  const count = first?.shape[0];
  const odd = outputs.find(({ shape }) => shape[0] === undefined || shape[0] !== count);
  if (count !== undefined && !odd) return count;
  const shapes = outputs.slice(0, 4).map(({ name, shape }) => `'${name}' ${showShape(shape)}`);
  const message = `the outputs can't be told in rows: ${shapes.join(', ')}; ask by column ('inputs'), or by /v2/models`;
  throw new RequestError('INVALID_REQUEST', message);
}

/** `[[1, 2], …]` of the only output, or `{"label": […], "scores": [[…], …]}`. */
export function writeColumns(outputs: readonly Tensor[], words: FloatWords): string {
  const texts = outputs.map((output) => writeNested(leafOf(output, words), output.shape, 0, output.data.length));
  if (texts.length === 1) return texts[0] as string;
  return `{${outputs.map(({ name }, index) => `${JSON.stringify(name)}:${texts[index]}`).join(',')}}`;
}

/** @param size number of values from `from` on; the product of `shape` */
function writeNested(leaf: Leaf, shape: readonly number[], from: number, size: number): string {
  const [count, ...inner] = shape;
  if (count === undefined) return leaf(from, from + 1);
  if (inner.length === 0) return `[${leaf(from, from + size)}]`;
  const step = count === 0 ? 0 : size / count;
  const parts: string[] = [];
  for (let i = 0; i < count; i++) parts.push(writeNested(leaf, inner, from + i * step, step));
  return `[${parts.join(',')}]`;
}

/** Values of a row this short come sooner one by one than by a view that is joined. */
const SHORT = 8;

function leafOf(output: Tensor, words: FloatWords): Leaf {
  const { datatype, data } = output;
  const one = textOf(output, words);
  const each: Leaf = (from, to) => {
    let text = one(from);
    for (let i = from + 1; i < to; i++) text += `,${one(i)}`;
    return text;
  };
  const whole: Leaf =
    datatype === 'BYTES'
      ? each
      : (from, to) => writeValues({ datatype, data: (data as NumberData).subarray(from, to) });
  const floats = floatsOf(output);
  return (from, to) => {
    if (from === to) return '';
    return to - from <= SHORT || (floats && hasOdd(floats, from, to)) ? each(from, to) : whole(from, to);
  };
}

type Floats = Float16Array | Float32Array | Float64Array;

function floatsOf({ datatype, data }: Tensor): Floats | undefined {
  if (datatype === 'FP32' || datatype === 'FP64') return data as Float32Array | Float64Array;
  if (datatype !== 'FP16') return undefined;
  const bits = data as Uint16Array;
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length);
}

/** Whether a value is written otherwise than `writeValues` does: it is whole, or no number of JSON. */
function hasOdd(values: Floats, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const value = values[i] as number;
    if (Number.isInteger(value) || !Number.isFinite(value)) return true;
  }
  return false;
}

function textOf(output: Tensor, words: FloatWords): (at: number) => string {
  const { name, datatype, data } = output;
  const floats = floatsOf(output);
  if (floats) return (at) => writeFloat(floats[at] as number, words);
  switch (datatype) {
    case 'BYTES': {
      const texts = data as string[];
      return name.endsWith('_bytes') ? (at) => writeBase64(texts[at] as string) : (at) => JSON.stringify(texts[at]);
    }
    case 'BOOL':
      return (at) => (data[at] ? 'true' : 'false');
    default:
      return (at) => String(data[at]);
  }
}

function writeBase64(value: string): string {
  return `{"b64":"${Buffer.from(value).toString('base64')}"}`;
}

/** A whole number is written with `.0`, so that a reader who tells integers from floats by their text reads a float. */
function writeFloat(value: number, words: FloatWords): string {
  if (!Number.isFinite(value)) return words === 'bare' ? String(value) : `"${value}"`;
  if (!Number.isInteger(value)) return String(value);
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('e') ? text : `${text}.0`;
}
