/** The bytes of a file of golden requests → requests to replay, with the tensors that must come back. Pure. */
import { isUtf8 } from 'node:buffer';
import { type GoldenFile, type GoldenTensor, goldenFile } from '../../api/golden.ts';
import { pathText } from '../../api/problems.ts';
import { LoadError } from '../errors.ts';
import { DATATYPES, type Datatype, sizeOf, type Tensor } from '../protocol/datatypes.ts';
import { parseExact } from '../protocol/exact-json.ts';
import { show } from '../protocol/json-tensor.ts';
import { sink, takes } from '../protocol/json-values.ts';

export interface GoldenRequest {
  /** `'seven'`, or `requests[3]` for one without a name. */
  called: string;
  /** A request of the Open Inference Protocol that asks for the outputs of `expected`, as a user would send it. */
  body: Buffer;
  expected: readonly Tensor[];
}

/** Problems of the schema that are told; one mistake made a hundred times is one to know of. */
const TOLD = 3;

/** @param where the file is, for messages @throws LoadError GOLDEN_INVALID with the path in the file */
export function parseGolden(bytes: Buffer, where: string): GoldenRequest[] {
  const invalid = (what: string) => new LoadError('GOLDEN_INVALID', `the golden requests in ${where}: ${what}`);
  const parsed = goldenFile.safeParse(readJson(bytes, invalid));
  if (!parsed.success) {
    const { issues } = parsed.error;
    const told = issues.slice(0, TOLD).map(({ path, message }) => `${pathText(path) || 'the file'}: ${message}`);
    const more = issues.length > TOLD ? [`and ${issues.length - TOLD} more`] : [];
    throw invalid([...told, ...more].join('; '));
  }
  return parsed.data.requests.map((request, index) => readRequest(request, `requests[${index}]`, invalid));
}

type Invalid = (what: string) => LoadError;

function readJson(bytes: Buffer, invalid: Invalid): unknown {
  if (!isUtf8(bytes)) throw invalid('it is not UTF-8, which JSON must be');
  try {
    return parseExact(bytes.toString('utf8'));
  } catch (error) {
    throw invalid(`it is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function readRequest({ name, inputs, outputs }: GoldenFile['requests'][number], at: string, invalid: Invalid) {
  const names = outputs.map((output) => output.name);
  const twice = names.findIndex((output, index) => names.indexOf(output) < index);
  if (twice >= 0) throw invalid(`${at}.outputs[${twice}].name: the output '${names[twice]}' is given twice`);
  const expected = outputs.map((output, index) =>
    readExpected(output, (what) => invalid(`${at}.outputs[${index}]${what}`)),
  );
  const body = JSON.stringify({ inputs, outputs: names.map((output) => ({ name: output })) }, writeInteger);
  return { called: name === undefined ? at : `'${name}'`, body: Buffer.from(body), expected };
}

/** What `parseExact` reads as `bigint`, JSON itself can not write. */
function writeInteger(_key: string, value: unknown): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return typeof value === 'bigint' ? rawJSON(String(value)) : value;
}

/** @param invalid takes the rest of the path and what is wrong there */
function readExpected({ name, datatype, shape, data }: GoldenTensor, invalid: Invalid): Tensor {
  if (!isDatatype(datatype)) {
    throw invalid(`.datatype: ${show(datatype)} is no datatype; expected one of ${DATATYPES.join(', ')}`);
  }
  const size = sizeOf(shape);
  const values = flatten(data, shape, invalid);
  if (values.length !== size) {
    throw invalid(`.data: it has ${values.length} values, but the shape [${shape.join(',')}] holds ${size}`);
  }
  const { data: held, fill } = sink(datatype, size);
  const bad = fill(values, 0);
  if (bad >= 0) throw invalid(`.data[${bad}]: it is ${show(values[bad])}; ${datatype} takes ${takes(datatype)}`);
  return { name, datatype, shape, data: held };
}

/** Flat as it is; nested arrays as far as the shape nests: what is deeper is left, and refused as a value. */
function flatten(data: unknown, shape: readonly number[], invalid: Invalid): readonly unknown[] {
  if (data === undefined) throw invalid(': it has no data');
  if (shape.length === 0 && !Array.isArray(data)) return [data];
  if (!Array.isArray(data)) throw invalid(`.data: it is ${show(data)}, not an array`);
  return Array.isArray(data[0]) ? data.flat(shape.length - 1) : data;
}

function isDatatype(datatype: string): datatype is Datatype {
  return (DATATYPES as readonly string[]).includes(datatype);
}
