/** CSV ↔ tensors: a record is a row of dimension 0, its cells go to the model's inputs in their order. Pure. */
import { RequestError } from '../errors.ts';
import { readRecords } from './csv.ts';
import type { Datatype, Tensor } from './datatypes.ts';
import { sizeOf } from './datatypes.ts';
import { show } from './json-tensor.ts';
import { sink, takes } from './json-values.ts';
import { rowCount } from './row-tensors-write.ts';
import { describe, fits, type Signature, showShape, type TensorSpec } from './signature.ts';

/**
 * @param header the first record names columns and is left out
 * @returns one for each input of the model, in its order
 * @throws RequestError INVALID_REQUEST, INPUT_SHAPE, INPUT_DATA, naming row and column, both counted from 1
 */
export function readCsv(body: Buffer, { inputs }: Signature, header: boolean): Tensor[] {
  const records = readRecords(body);
  if (header) records.shift();
  const [first] = records;
  if (!first) throw new RequestError('INVALID_REQUEST', 'the CSV has no rows');
  const inner = innerShapes(inputs, first.length);
  const width = inner.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const odd = records.findIndex((record) => record.length !== width);
  if (odd >= 0) {
    const cells = `row ${odd + 1} of the CSV has ${records[odd]?.length} cells, not ${width}`;
    throw new RequestError('INPUT_SHAPE', `${cells}; the model takes ${inputs.map(named).slice(0, 8).join(', ')}`);
  }
  let column = 0;
  return inputs.map((spec, index) => {
    const shape = [records.length, ...(inner[index] as number[])];
    const tensor = readColumns(records, { spec, shape, column, header });
    column += sizeOf(inner[index] as number[]);
    return tensor;
  });
}

function named(spec: TensorSpec): string {
  return `'${spec.name}' ${describe(spec)}`;
}

/** Shapes below dimension 0. One free dimension of an only input takes what cells there are. */
function innerShapes(inputs: readonly TensorSpec[], cells: number): number[][] {
  return inputs.map((spec) => {
    const only = inputs.length === 1;
    if (spec.anyRank) return only && cells > 1 ? [cells] : [];
    const inner = spec.shape.slice(1);
    const free = inner.filter((dim) => dim === -1).length;
    if (free === 0) return inner;
    const known = sizeOf(inner.filter((dim) => dim !== -1));
    if (only && free === 1 && known > 0 && cells % known === 0)
      return inner.map((dim) => (dim === -1 ? cells / known : dim));
    const message = `CSV does not say how many cells are of ${named(spec)}; send JSON`;
    throw new RequestError('INPUT_SHAPE', message);
  });
}

interface Columns {
  spec: TensorSpec;
  shape: readonly number[];
  /** Where its cells begin in a record. */
  column: number;
  header: boolean;
}

function readColumns(records: readonly string[][], { spec, shape, column, header }: Columns): Tensor {
  const { name, datatype } = spec;
  if (!fits(shape, spec)) {
    throw new RequestError(
      'INPUT_SHAPE',
      `the CSV is ${showShape(shape)} for '${name}'; the model takes ${describe(spec)}`,
    );
  }
  const width = sizeOf(shape.slice(1));
  const read = readerOf(datatype);
  const values = new Array<unknown>(records.length * width);
  let at = 0;
  for (const record of records) {
    for (let i = 0; i < width; i++) values[at++] = read(record[column + i] as string);
  }
  const { data, fill } = sink(datatype, values.length);
  const bad = fill(values, 0);
  if (bad < 0) return { name, datatype, shape, data };
  const row = Math.floor(bad / width);
  const index = column + (bad % width);
  const cell = records[row]?.[index] as string;
  const message = `row ${row + 1}, column ${index + 1} of the CSV ('${name}') is ${show(cell)}; ${datatype} takes ${takes(datatype)}`;
  const hint = row === 0 && !header && /[a-z_]/i.test(cell) ? `: leave a header out, or send '${HEADER_HINT}'` : '';
  throw new RequestError('INPUT_DATA', message + hint);
}

const HEADER_HINT = 'Content-Type: text/csv; header=present';
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
/** Longer ones are beyond 64 bits. */
const INTEGER = /^[-+]?\d{1,20}$/;
const WORDS: Record<string, string> = { nan: 'NaN', inf: 'Infinity', infinity: 'Infinity' };

/** A cell → the JSON value that it would be; what it can't be stays undefined. */
function readerOf(datatype: Datatype): (cell: string) => unknown {
  switch (datatype) {
    case 'BYTES':
      return (cell) => cell;
    case 'BOOL':
      return (cell) => ({ true: true, false: false })[cell.trim().toLowerCase()];
    case 'INT64':
    case 'UINT64':
      return (cell) => {
        const text = cell.trim();
        return INTEGER.test(text) ? BigInt(text.replace('+', '')) : numberOf(text);
      };
    default:
      return (cell) => numberOf(cell.trim());
  }
}

function numberOf(text: string): unknown {
  if (NUMBER.test(text)) return Number(text);
  const word = WORDS[text.replace(/^[-+]/, '').toLowerCase()];
  return word && text.startsWith('-') && word !== 'NaN' ? `-${word}` : word;
}

/** A line for each row of dimension 0: the values of all outputs side by side. @throws RequestError INVALID_REQUEST */
export function writeCsv(outputs: readonly Tensor[]): string {
  const count = rowCount(outputs);
  const columns = outputs.map((output) => ({ cell: cellOf(output), step: output.data.length / (count || 1) }));
  let text = '';
  for (let row = 0; row < count; row++) {
    let separator = '';
    for (const { cell, step } of columns) {
      for (let at = row * step; at < (row + 1) * step; at++) {
        text += separator + cell(at);
        separator = ',';
      }
    }
    text += '\n';
  }
  return text;
}

function cellOf({ datatype, data }: Tensor): (at: number) => string {
  switch (datatype) {
    case 'BYTES':
      return (at) => writeText(data[at] as string);
    case 'BOOL':
      return (at) => (data[at] ? 'true' : 'false');
    case 'FP16': {
      const bits = data as Uint16Array;
      const values = new Float16Array(bits.buffer, bits.byteOffset, bits.length);
      return (at) => writeNumber(values[at] as number);
    }
    default:
      return (at) => writeNumber(data[at] as number | bigint);
  }
}

function writeNumber(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function writeText(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
