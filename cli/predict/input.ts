/** What a data scientist has (an array, columns, records, CSV, a whole request) → a request of the protocol. Pure. */
import type { TensorMetadata } from '../../api/pod-report.ts';
import { nearest } from '../../api/suggest.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { ModelMetadata } from './client.ts';
import { parseCsv } from './csv.ts';
import type { OipRequest, RequestTensor } from './example.ts';
import { tensorOf } from './tensor.ts';

export type Input =
  /** A whole request, sent as it is: no number is read and written again. */
  | { kind: 'request'; text: string }
  /** To be turned into a request with the model's metadata. */
  | { kind: 'values'; value: unknown }
  | { kind: 'csv'; text: string };

type Inputs = Pick<ModelMetadata, 'name' | 'inputs'>;

/** @param where the name of the input, for messages @throws CliError when it is neither JSON nor CSV */
export function readInput(text: string, where: string): Input {
  const trimmed = text.trim();
  if (trimmed === '') throw wrong(`${where} is empty`);
  if (!/^[[{]/.test(trimmed)) return { kind: 'csv', text };
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    throw wrong(`${where} is not JSON: ${(error as Error).message}`);
  }
  return isRecord(value) && Array.isArray(value.inputs) && value.inputs.every(isTensorLike)
    ? { kind: 'request', text }
    : { kind: 'values', value };
}

/** @throws CliError naming the input and what the model wants */
export function requestOf(input: Exclude<Input, { kind: 'request' }>, model: Inputs): OipRequest {
  if (input.kind === 'csv') return fromCsv(input.text, model);
  const { value } = input;
  if (isRecord(value)) return fromColumns(value, model);
  const records = value as unknown[];
  if (records.length > 0 && records.every(isRecord)) return fromColumns(columnsOf(records), model);
  return { inputs: [tensorOf(value, onlyInput(model, 'an array'))] };
}

function fromColumns(columns: Record<string, unknown>, { name, inputs }: Inputs): OipRequest {
  const names = inputs.map((input) => input.name);
  for (const given of Object.keys(columns)) {
    if (names.includes(given)) continue;
    const near = nearest(given, names);
    throw wrong(
      `the model ${name} has no input "${given}"; ${near ? `did you mean "${near}"?` : `it has ${names.join(', ')}`}`,
    );
  }
  const missing = names.filter((input) => !Object.hasOwn(columns, input));
  if (missing.length > 0) throw wrong(`the model ${name} also wants ${missing.join(', ')}`);
  return { inputs: inputs.map((input) => tensorOf(columns[input.name], input)) };
}

/** `[{a: 1, b: 2}, {a: 3, b: 4}]` → `{a: [1, 3], b: [2, 4]}` */
function columnsOf(records: readonly Record<string, unknown>[]): Record<string, unknown[]> {
  const names = Object.keys(records[0] ?? {});
  for (const [index, record] of records.entries()) {
    const other = Object.keys(record);
    const odd = names.find((name) => !Object.hasOwn(record, name)) ?? other.find((name) => !names.includes(name));
    if (odd !== undefined) throw wrong(`record ${index + 1} and the first differ in the field "${odd}"`);
  }
  return Object.fromEntries(names.map((name) => [name, records.map((record) => record[name])]));
}

function fromCsv(text: string, model: Inputs): OipRequest {
  const [first, ...rest] = parseCsv(text);
  if (!first) throw wrong('the CSV has no rows');
  const typed = new Map(model.inputs.map((input) => [input.name, input]));
  if (!first.some((cell) => typed.has(cell))) return fromRows([first, ...rest], model);
  const columns = first.map((name, at) => {
    const input = typed.get(name);
    return [name, rest.map((row) => (input ? cellValue(row[at] ?? '', input) : row[at]))] as const;
  });
  return fromColumns(Object.fromEntries(columns), model);
}

/** CSV whose first row does not name the model's inputs: each row is an item. */
function fromRows(rows: readonly string[][], model: Inputs): OipRequest {
  if (model.inputs.length > 1) {
    const names = model.inputs.map(({ name }) => name).join(',');
    throw wrong(
      `the model ${model.name} has ${model.inputs.length} inputs: give the CSV a first line that names them, ${names}`,
    );
  }
  const input = onlyInput(model, 'CSV');
  const isNumber = (cell: string) => cell !== '' && !Number.isNaN(Number(cell));
  const titled = input.datatype !== 'BYTES' && rows.length > 1 && !rows[0]?.some(isNumber);
  const items = titled ? rows.slice(1) : rows;
  return {
    inputs: [
      tensorOf(
        items.map((row) => row.map((cell) => cellValue(cell, input))),
        input,
      ),
    ],
  };
}

function cellValue(cell: string, { name, datatype }: TensorMetadata): unknown {
  if (datatype === 'BYTES') return cell;
  if (datatype === 'BOOL' && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  const value = Number(cell);
  if (cell === '' || Number.isNaN(value)) throw wrong(`${name} wants ${datatype}; the CSV has "${cell}"`);
  return value;
}

function onlyInput({ name, inputs }: Inputs, what: string): TensorMetadata {
  const [input] = inputs;
  if (input && inputs.length === 1) return input;
  const columns = inputs.map((each) => `"${each.name}": […]`).join(', ');
  throw wrong(`the model ${name} has ${inputs.length} inputs, and ${what} is for one; give {${columns}}`);
}

function isTensorLike(value: unknown): value is RequestTensor {
  return isRecord(value) && typeof value.name === 'string' && Array.isArray(value.shape);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const wrong = (message: string) => new CliError(message, EXIT.usage);
