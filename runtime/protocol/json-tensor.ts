/** One input of a JSON request → tensor, checked against what the model takes. Pure. */
import { RequestError } from '../errors.ts';
import { readRaw } from './binary-tensor.ts';
import { DATATYPES, type Datatype, sizeOf, type Tensor } from './datatypes.ts';
import { type Sink, sink, takes } from './json-values.ts';
import { describe, fits, isHollow, showShape, type TensorSpec } from './signature.ts';

const MOST_DIMENSIONS = 32;

export interface JsonInput {
  shape: unknown;
  datatype: unknown;
  data: unknown;
}

/**
 * Reads `shape`, `datatype` and `data` of the input that `spec` describes.
 * @param raw its data as bytes, in place of `data`
 * @throws RequestError INPUT_DATATYPE, INPUT_SHAPE, INPUT_DATA, each naming the input and what the model wants
 */
export function readTensor(input: JsonInput, spec: TensorSpec, raw?: Buffer): Tensor {
  const datatype = readDatatype(input.datatype, spec);
  const shape = readShape(input.shape, spec);
  const data =
    raw === undefined
      ? readData(input.data, shape, datatype, spec)
      : readRaw(raw, datatype, sizeOf(shape), `input '${spec.name}'`);
  return { name: spec.name, datatype, shape, data };
}

/** @throws RequestError INPUT_DATATYPE */
export function readDatatype(given: unknown, spec: TensorSpec): Datatype {
  if (given === spec.datatype) return spec.datatype;
  const known = DATATYPES.includes(given as Datatype);
  const what =
    given === undefined ? 'has no datatype' : known ? `is ${given}` : `has the unknown datatype ${show(given)}`;
  throw new RequestError('INPUT_DATATYPE', `input '${spec.name}' ${what}; the model takes ${describe(spec)}`);
}

/** @throws RequestError INPUT_SHAPE */
export function readShape(given: unknown, spec: TensorSpec): number[] {
  const refuse = (what: string) =>
    new RequestError('INPUT_SHAPE', `input '${spec.name}' ${what}; the model takes ${describe(spec)}`);
  if (given === undefined) throw refuse('has no shape');
  if (!Array.isArray(given)) throw refuse(`has the shape ${show(given)}, which is no array`);
  if (given.length > MOST_DIMENSIONS) throw refuse(`has ${given.length} dimensions`);
  for (const dim of given) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw refuse(`has the dimension ${show(dim)}, which is no size`);
  }
  const shape = given as number[];
  if (!Number.isSafeInteger(sizeOf(shape))) throw refuse(`has the shape ${showShape(shape)}, which is too large`);
  if (!fits(shape, spec)) throw refuse(`has the shape ${showShape(shape)}`);
  if (isHollow(shape, spec)) throw refuse(`has the shape ${showShape(shape)}, which is too large for no values`);
  return shape;
}

function readData(given: unknown, shape: readonly number[], datatype: Datatype, spec: TensorSpec): Tensor['data'] {
  const refuse = (what: string) =>
    new RequestError('INPUT_DATA', `input '${spec.name}': ${what}; the model takes ${describe(spec)}`);
  if (given === undefined) throw refuse('has no data');
  const size = sizeOf(shape);
  const wrap = shape.length === 0 && !Array.isArray(given);
  const values: unknown = wrap ? [given] : given;
  if (!Array.isArray(values)) throw refuse(`data is ${show(given)}, not an array`);
  const nested = shape.length > 1 && (Array.isArray(values[0]) || (size === 0 && values.length > 0));
  // Nothing is allocated before the data is known to be there: a shape alone can't ask for memory.
  if (!nested && values.length !== size) {
    throw refuse(`data has ${values.length} values, but shape ${showShape(shape)} holds ${size}`);
  }
  if (nested) eachRow(values, shape, refuse, () => {});
  const into = sink(datatype, size);
  if (!nested) fillRow(into, values, 0, () => 'data', { datatype, refuse });
  else {
    let at = 0;
    eachRow(values, shape, refuse, (row, where) => {
      fillRow(into, row, at, where, { datatype, refuse });
      at += row.length;
    });
  }
  return into.data;
}

type Refuse = (what: string) => RequestError;

/** Visits the innermost arrays in order; throws unless arrays nest as `shape` says. Recursion goes no deeper than the rank. */
function eachRow(
  root: readonly unknown[],
  shape: readonly number[],
  refuse: Refuse,
  visit: (row: readonly unknown[], where: () => string) => void,
): void {
  const indices: number[] = [];
  const where = () => `data${indices.map((i) => `[${i}]`).join('')}`;
  const walk = (node: unknown, depth: number): void => {
    if (!Array.isArray(node)) throw refuse(`${where()} is ${show(node)}, not an array; shape is ${showShape(shape)}`);
    if (node.length !== shape[depth]) {
      throw refuse(`${where()} has ${node.length} entries, but shape ${showShape(shape)} wants ${shape[depth]}`);
    }
    if (depth === shape.length - 1) {
      visit(node, where);
      return;
    }
    for (let i = 0; i < node.length; i++) {
      indices[depth] = i;
      walk(node[i], depth + 1);
    }
    indices.length = depth;
  };
  walk(root, 0);
}

interface Complaint {
  datatype: Datatype;
  refuse: Refuse;
}

function fillRow(
  into: Sink,
  values: readonly unknown[],
  at: number,
  where: () => string,
  { datatype, refuse }: Complaint,
): void {
  const bad = into.fill(values, at);
  if (bad >= 0) throw refuse(`${where()}[${bad}] is ${show(values[bad])}; ${datatype} takes ${takes(datatype)}`);
}

/** A value as a message shows it: short, whatever was sent. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return String(value).slice(0, 40);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value.length > 40) return `${JSON.stringify(value.slice(0, 40))}…`;
  return JSON.stringify(value) ?? 'nothing';
}
