/** What a model's own signature says of requests, as JSON Schema, and requests that it takes. Pure. */
import { sizeOf } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';

type JsonSchema = Record<string, unknown>;

/** An example with more values than this is left out. */
const MOST_VALUES = 1_024;

/** A request of the Open Inference Protocol that this model takes. */
export function modelInferRequest({ inputs, outputs }: Signature): JsonSchema {
  const names = outputs.map(({ name }) => name);
  return {
    description: 'A request as this model takes it.',
    allOf: [
      { $ref: '#/components/schemas/InferRequest' },
      {
        type: 'object',
        properties: {
          inputs: {
            type: 'array',
            items: { oneOf: inputs.map(inputSchema) },
            minItems: inputs.length,
            maxItems: inputs.length,
          },
          outputs: { type: 'array', items: { type: 'object', properties: { name: { enum: names } } } },
        },
      },
    ],
  };
}

function inputSchema({ name, datatype, ...spec }: TensorSpec): JsonSchema {
  return {
    type: 'object',
    required: ['name', 'datatype', 'shape'],
    properties: {
      name: { const: name },
      datatype: { const: datatype },
      shape: shapeSchema({ name, datatype, ...spec }),
    },
  };
}

/** `[]` is a scalar or an unknown rank, which ONNX Runtime does not tell apart. */
function shapeSchema({ shape }: TensorSpec): JsonSchema {
  const dimension = { type: 'integer', minimum: 0 };
  if (shape.length === 0) return { type: 'array', items: dimension };
  const prefixItems = shape.map((dim) => (dim === -1 ? dimension : { const: dim }));
  return { type: 'array', prefixItems, minItems: shape.length, maxItems: shape.length };
}

const concrete = (shape: readonly number[]) => shape.map((dim) => (dim === -1 ? 1 : dim));

function isSmall({ inputs }: Signature): boolean {
  return inputs.reduce((sum, { shape }) => sum + sizeOf(concrete(shape)), 0) <= MOST_VALUES;
}

function fillOf({ datatype }: TensorSpec): unknown {
  return datatype === 'BYTES' ? 'text' : datatype === 'BOOL' ? false : 0;
}

/** Zeros, with 1 for each dimension that is free; undefined where that would be long. */
export function inferExample(signature: Signature): object | undefined {
  if (!isSmall(signature)) return undefined;
  return {
    inputs: signature.inputs.map((spec) => {
      const shape = concrete(spec.shape);
      return { name: spec.name, datatype: spec.datatype, shape, data: new Array(sizeOf(shape)).fill(fillOf(spec)) };
    }),
  };
}

/** The same as one row; undefined also where the first dimension does not count rows. */
export function rowsExample(signature: Signature): { instances: unknown[] } | undefined {
  const { inputs } = signature;
  if (!isSmall(signature) || inputs.some(({ shape, anyRank }) => anyRank || shape[0] !== -1)) return undefined;
  const rowOf = (spec: TensorSpec) => nested(concrete(spec.shape.slice(1)), fillOf(spec));
  const [only] = inputs;
  if (inputs.length === 1 && only) return { instances: [rowOf(only)] };
  return { instances: [Object.fromEntries(inputs.map((spec) => [spec.name, rowOf(spec)]))] };
}

function nested([size, ...inner]: readonly number[], value: unknown): unknown {
  return size === undefined ? value : Array.from({ length: size }, () => nested(inner, value));
}
