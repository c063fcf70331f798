/**
 * Nested JSON arrays → tensors, by row (`instances`) or by column (`inputs`), as TensorFlow Serving and those who speak
 * like it take them: the nesting is the shape, the model says the datatype. Pure.
 */
import { RequestError, type RequestErrorCode } from '../errors.ts';
import { type Datatype, sizeOf, type Tensor } from './datatypes.ts';
import { show } from './json-tensor.ts';
import { sink, takes } from './json-values.ts';
import { type Fields, isFields } from './parameters.ts';
import { bareWord, base64Text, isBase64 } from './row-tensors-text.ts';
import { describe, fits, quoted, type Signature, showNames, showShape, type TensorSpec } from './signature.ts';

const MOST_DIMENSIONS = 32;
const FLOATS: ReadonlySet<Datatype> = new Set(['FP16', 'FP32', 'FP64']);

/** Indices into a tensor → how the request spells that place, such as `instances[3].x[0]`. */
type Place = (indices: readonly number[]) => string;

/**
 * `[[1, 2], [3, 4]]` for the only input of a model, or `[{"a": 1, "b": [2]}, …]` by the names of its inputs. The number of
 * rows is dimension 0 of every input.
 * @param list what a message calls the rows
 * @returns one for each input of the model, in its order
 * @throws RequestError INVALID_REQUEST, MISSING_INPUT, UNKNOWN_INPUT, INPUT_SHAPE, INPUT_DATA, naming the place
 */
export function readRows(given: unknown, signature: Signature, list = 'instances'): Tensor[] {
  if (!Array.isArray(given)) {
    throw new RequestError('INVALID_REQUEST', `'${list}' must be an array of rows, not ${show(given)}`);
  }
  if (given.length === 0)
    throw new RequestError('INVALID_REQUEST', `'${list}' is empty; it must hold at least one row`);
  if (isNamed(given[0])) return readNamedRows(given, signature, list);
  const spec = onlyInput(signature, `${list}[0] is a bare value`);
  const odd = given.findIndex(isNamed);
  if (odd >= 0) {
    throw new RequestError('INVALID_REQUEST', `${list}[${odd}] is an object, but ${list}[0] is a bare value`);
  }
  return [readNested(given, spec, (indices) => list + brackets(indices))];
}

function readNamedRows(rows: readonly unknown[], { inputs }: Signature, list: string): Tensor[] {
  for (const [index, row] of rows.entries()) checkNames(row, inputs, `${list}[${index}]`);
  return inputs.map((spec) => {
    const column = rows.map((row) => (row as Fields)[spec.name]);
    const place: Place = ([row, ...inner]) =>
      row === undefined ? `'${spec.name}' of ${list}` : `${list}[${row}].${spec.name}${brackets(inner)}`;
    return readNested(column, spec, place);
  });
}

/**
 * A nested array (or one value) for the only input of a model, or an object of such by the names of its inputs. The inputs
 * need not agree in any dimension.
 * @returns one for each input of the model, in its order
 * @throws RequestError as `readRows`
 */
export function readColumns(given: unknown, signature: Signature): Tensor[] {
  if (!isNamed(given)) {
    const spec = onlyInput(signature, "'inputs' is a bare value");
    return [readNested(given, spec, (indices) => `inputs${brackets(indices)}`)];
  }
  checkNames(given, signature.inputs, "'inputs'");
  return signature.inputs.map((spec) =>
    readNested((given as Fields)[spec.name], spec, (indices) => `inputs.${spec.name}${brackets(indices)}`),
  );
}

/** An object of values by input name. `{"b64": "…"}` is a value. */
function isNamed(value: unknown): boolean {
  return isFields(value) && !isBase64(value);
}

function onlyInput({ inputs }: Signature, what: string): TensorSpec {
  const [only] = inputs;
  if (only && inputs.length === 1) return only;
  const names = showNames(inputs.map(({ name }) => name));
  throw new RequestError(
    'MISSING_INPUT',
    `${what}, but the model has ${inputs.length} inputs; give an object with ${names}`,
  );
}

function checkNames(given: unknown, inputs: readonly TensorSpec[], where: string): void {
  if (!isNamed(given)) {
    throw new RequestError('INVALID_REQUEST', `${where} is ${show(given)}, not an object by the names of the inputs`);
  }
  for (const spec of inputs) {
    if (Object.hasOwn(given as Fields, spec.name)) continue;
    throw new RequestError('MISSING_INPUT', `${where} has no '${spec.name}'; the model takes ${describe(spec)}`);
  }
  const names = Object.keys(given as Fields);
  if (names.length === inputs.length) return;
  const unknown = names.find((name) => inputs.every((spec) => spec.name !== name)) as string;
  const known = showNames(inputs.map(({ name }) => name));
  throw new RequestError('UNKNOWN_INPUT', `${where} has ${quoted(unknown)}; the model takes ${known}`);
}

function brackets(indices: readonly number[]): string {
  return indices.map((index) => `[${index}]`).join('');
}

/** @throws RequestError INPUT_SHAPE, INPUT_DATA */
function readNested(root: unknown, spec: TensorSpec, place: Place): Tensor {
  const refuse = (code: RequestErrorCode, indices: readonly number[], what: string) =>
    new RequestError(code, `${place(indices)} ${what}; the model takes ${describe(spec)} as '${spec.name}'`);
  const shape = nestingOf(root);
  if (shape.length > MOST_DIMENSIONS) throw refuse('INPUT_SHAPE', [], `has more than ${MOST_DIMENSIONS} dimensions`);
  if (!fits(shape, spec)) throw refuse('INPUT_SHAPE', [], `has the shape ${showShape(shape)}`);
  // Nothing is allocated before the data is known to be there: one long row can't ask for many.
  const rows = innermost(root, shape, (indices, what) => refuse('INPUT_SHAPE', indices, what));
  const { datatype } = spec;
  const { data, fill } = sink(datatype, sizeOf(shape));
  let at = 0;
  for (const row of rows) {
    if (fill(row, at) >= 0) {
      const mended = row.map((value) => meant(value, datatype) ?? value);
      const bad = fill(mended, at);
      if (bad >= 0) {
        const base64 = datatype === 'BYTES' ? ', or {"b64": "…"} with the base64 of such a string in UTF-8' : '';
        const what = `is ${show(row[bad])}; ${datatype} takes ${takes(datatype)}${base64}`;
        throw refuse('INPUT_DATA', unravel(at + bad, shape), what);
      }
    }
    at += row.length;
  }
  return { name: spec.name, datatype, shape, data };
}

/** A value that no datatype takes as it is: what was written as base64, or as a bare word. */
function meant(value: unknown, datatype: Datatype): unknown {
  if (datatype === 'BYTES') return base64Text(value);
  return FLOATS.has(datatype) ? bareWord(value) : undefined;
}

/** The shape, if every row is like the first one. One dimension more than the most is told from the most. */
function nestingOf(root: unknown): number[] {
  const shape: number[] = [];
  for (let node = root; Array.isArray(node) && shape.length <= MOST_DIMENSIONS; node = node[0]) shape.push(node.length);
  return shape;
}

/** The innermost arrays in order, once every array is known to be as long as its neighbours. */
function innermost(
  root: unknown,
  shape: readonly number[],
  refuse: (indices: readonly number[], what: string) => RequestError,
): readonly (readonly unknown[])[] {
  let nodes: readonly unknown[] = [root];
  if (shape.length === 0) return [nodes];
  for (let depth = 0; ; depth++) {
    const size = shape[depth];
    const at = (index: number) => unravel(index, shape.slice(0, depth));
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i];
      if (!Array.isArray(node)) throw refuse(at(i), `is ${show(node)}, not an array as the rows before it`);
      if (node.length !== size) throw refuse(at(i), `has ${node.length} entries, not ${size} as the rows before it`);
    }
    if (depth === shape.length - 1) return nodes as unknown[][];
    nodes = nodes.length === 1 ? (nodes[0] as unknown[]) : nodes.flat(1);
  }
}

/** Row-major position → indices. */
function unravel(position: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  let rest = position;
  for (const dim of shape.toReversed()) {
    indices.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return indices;
}
