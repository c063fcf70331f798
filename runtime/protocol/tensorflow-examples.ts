/**
 * The classify and regress APIs of TensorFlow Serving, for models whose outputs say which is meant. Pure.
 * @see https://www.tensorflow.org/tfx/serving/api_rest#classify_and_regress_api
 */
import { RequestError } from '../errors.ts';
import type { Codec } from './codec.ts';
import type { Datatype, Tensor } from './datatypes.ts';
import { show } from './json-tensor.ts';
import { requireJson } from './media-type.ts';
import { type Fields, isFields } from './parameters.ts';
import { readRows } from './row-tensors.ts';
import { rowTexts } from './row-tensors-write.ts';
import type { Signature, TensorSpec } from './signature.ts';
import { JSON_TYPE, parseRequest } from './tensorflow.ts';

const FLOATS: readonly Datatype[] = ['FP16', 'FP32', 'FP64'];

/** `[[label, score], …]` for each example: scores are the one float output [n, classes], labels a string output of that shape, else "". */
export const tensorflowClassify: Codec = ({ body, headers }, signature) => {
  requireJson(headers);
  const scores = onlyOutput(signature, ':classify', 'a float output [n, classes]', ({ shape }) => shape.length === 2);
  const labels = signature.outputs.find(({ datatype, shape }) => datatype === 'BYTES' && shape.length === 2);
  const inputs = readExamples(parseRequest(body, signature), signature);
  return {
    inputs,
    outputs: labels ? [scores.name, labels.name] : [scores.name],
    write: ([scored, labelled]) => ({
      contentType: JSON_TYPE,
      body: `{"results":[${pairs(scored as Tensor, labelled).join(',')}]}`,
    }),
  };
};

/** One number for each example: the one float output [n] or [n, 1]. */
export const tensorflowRegress: Codec = ({ body, headers }, signature) => {
  requireJson(headers);
  const fits = ({ shape }: TensorSpec) => shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  const value = onlyOutput(signature, ':regress', 'a float output [n] or [n, 1]', fits);
  const inputs = readExamples(parseRequest(body, signature), signature);
  return {
    inputs,
    outputs: [value.name],
    write: ([values]) => {
      const { shape, ...rest } = values as Tensor;
      const flat = rowTexts([{ ...rest, shape: shape.slice(0, 1) }], 'bare');
      return { contentType: JSON_TYPE, body: `{"results":[${flat.join(',')}]}` };
    },
  };
};

function onlyOutput(
  { outputs }: Signature,
  verb: string,
  what: string,
  fits: (spec: TensorSpec) => boolean,
): TensorSpec {
  const found = outputs.filter((spec) => FLOATS.includes(spec.datatype) && fits(spec));
  const [only] = found;
  if (only && found.length === 1) return only;
  const message = `${verb} needs a model with ${what}, and one only; this one has ${found.length}: use :predict`;
  throw new RequestError('INVALID_REQUEST', message);
}

function pairs(scores: Tensor, labels: Tensor | undefined): string[] {
  const [count = 0, classes = 0] = scores.shape;
  const flat = { ...scores, shape: [count * classes] };
  const texts = rowTexts([flat], 'bare');
  const named = labels && labels.data.length === texts.length ? (labels.data as string[]) : undefined;
  const pair = (at: number) => `[${JSON.stringify(named?.[at] ?? '')},${texts[at]}]`;
  return Array.from({ length: count }, (_, row) => {
    const all = Array.from({ length: classes }, (_, column) => pair(row * classes + column));
    return `[${all.join(',')}]`;
  });
}

/** Examples, each with what all have in common → rows. A feature is a value or a flat list: it is nested as the model wants. */
function readExamples({ examples, context }: Fields, signature: Signature): Tensor[] {
  if (!Array.isArray(examples)) {
    throw new RequestError('INVALID_REQUEST', `'examples' must be an array of objects, not ${show(examples)}`);
  }
  if (context !== undefined && !isFields(context)) {
    throw new RequestError('INVALID_REQUEST', `'context' must be an object, not ${show(context)}`);
  }
  checkContext(context, examples.length);
  const rows = examples.map((example, index) => {
    if (!isFields(example))
      throw new RequestError('INVALID_REQUEST', `examples[${index}] is ${show(example)}, not an object`);
    const twice = Object.keys(example).find((name) => context && Object.hasOwn(context, name));
    if (twice !== undefined) {
      throw new RequestError('DUPLICATE_INPUT', `'${twice.slice(0, 80)}' is in 'context' and in examples[${index}]`);
    }
    // A null prototype: a feature may be called __proto__.
    const row: Fields = Object.assign(Object.create(null), context, example);
    for (const spec of signature.inputs) {
      if (Object.hasOwn(row, spec.name)) row[spec.name] = nest(row[spec.name], spec.shape.slice(1));
    }
    return row;
  });
  return readRows(rows, signature, 'examples');
}

/** Values (of texts: characters) that a context may come to, written out into each example: the body has it once. */
const MOST_SHARED = 2 ** 22;

function checkContext(context: Fields | undefined, examples: number): void {
  const most = Math.floor(MOST_SHARED / Math.max(1, examples));
  let count = 0;
  for (const rest: unknown[] = context ? [context] : []; rest.length > 0; ) {
    for (const value of Object.values(rest.pop() as object)) {
      count += typeof value === 'string' ? value.length + 1 : 1;
      if (typeof value === 'object' && value !== null) rest.push(value);
      if (count <= most) continue;
      const message = `'context' in each of ${examples} examples makes more than ${MOST_SHARED} values`;
      throw new RequestError('INVALID_REQUEST', `${message}; send fewer examples at a time`);
    }
  }
}

/** `[1, 2, 3, 4]` for [2, 2] → `[[1, 2], [3, 4]]`; what does not fit stays flat, and is refused for its shape. */
function nest(value: unknown, dims: readonly number[]): unknown {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (dims.length === 0) return list.length === 1 ? list[0] : value;
  let nested: unknown[] = list;
  for (let depth = dims.length - 1; depth > 0; depth--) {
    const size = dims[depth] as number;
    if (size <= 0 || nested.length % size !== 0) return list;
    const parts: unknown[][] = [];
    for (let at = 0; at < nested.length; at += size) parts.push(nested.slice(at, at + size));
    nested = parts;
  }
  return nested;
}
