/** An inference request of the Open Inference Protocol, in JSON. Pure. */
import { RequestError } from '../errors.ts';
import type { Tensor } from './datatypes.ts';
import { type JsonInput, readTensor, show } from './json-tensor.ts';
import { parseJson } from './json-text.ts';
import { describe, quoted, type Signature, showNames } from './signature.ts';

export interface InferRequest {
  /** To be echoed. */
  id: string | undefined;
  /** One for each input of the model, in the model's order. */
  inputs: Tensor[];
  /** Names of the outputs asked for, in the order of the request; the model's own when none were named. */
  outputs: readonly string[];
}

type Fields = Record<string, unknown>;

/**
 * Reads and checks a request for a model.
 * @throws RequestError of status 400; the message names the tensor and what the model wants
 */
export function readInferRequest(body: Buffer, signature: Signature): InferRequest {
  const exact = signature.inputs.some(({ datatype }) => datatype === 'INT64' || datatype === 'UINT64');
  const request = parseJson(body, exact);
  if (!isFields(request)) {
    throw new RequestError('INVALID_REQUEST', `the body must be a JSON object with 'inputs', not ${show(request)}`);
  }
  const id = request.id;
  if (id !== undefined && typeof id !== 'string') {
    throw new RequestError('INVALID_REQUEST', `'id' must be a string, not ${show(id)}`);
  }
  refuseExtensions(request.parameters, 'the request');
  return { id, inputs: readInputs(request.inputs, signature), outputs: readOutputs(request.outputs, signature) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readInputs(given: unknown, { inputs }: Signature): Tensor[] {
  if (!Array.isArray(given)) {
    const what = given === undefined ? "has no 'inputs'" : `has 'inputs' that are ${show(given)}`;
    throw new RequestError('INVALID_REQUEST', `the request ${what}; it must be an array of tensors`);
  }
  const byName = new Map<string, Fields>();
  for (const [index, input] of given.entries()) {
    if (!isFields(input))
      throw new RequestError('INVALID_REQUEST', `inputs[${index}] is ${show(input)}, not an object`);
    const name = input.name;
    if (typeof name !== 'string') {
      throw new RequestError('INVALID_REQUEST', `inputs[${index}] has no name; 'name' must be a string`);
    }
    if (byName.has(name)) throw new RequestError('DUPLICATE_INPUT', `input ${quoted(name)} is given twice`);
    if (!inputs.some((spec) => spec.name === name)) {
      const known = showNames(inputs.map((spec) => spec.name));
      throw new RequestError('UNKNOWN_INPUT', `the model has no input ${quoted(name)}; it takes ${known}`);
    }
    refuseExtensions(input.parameters, `input ${quoted(name)}`);
    byName.set(name, input);
  }
  return inputs.map((spec) => {
    const input = byName.get(spec.name);
    if (!input)
      throw new RequestError('MISSING_INPUT', `input '${spec.name}' is missing; the model takes ${describe(spec)}`);
    return readTensor(input as unknown as JsonInput, spec);
  });
}

function readOutputs(given: unknown, { outputs }: Signature): readonly string[] {
  const names = outputs.map((spec) => spec.name);
  if (given === undefined) return names;
  if (!Array.isArray(given))
    throw new RequestError('INVALID_REQUEST', `'outputs' must be an array, not ${show(given)}`);
  const wanted = new Set<string>();
  for (const [index, output] of given.entries()) {
    const name = isFields(output) ? output.name : undefined;
    if (!isFields(output) || typeof name !== 'string') {
      throw new RequestError('INVALID_REQUEST', `outputs[${index}] must be an object with a 'name'`);
    }
    if (!names.includes(name)) {
      throw new RequestError('UNKNOWN_OUTPUT', `the model has no output ${quoted(name)}; it gives ${showNames(names)}`);
    }
    if (wanted.has(name)) throw new RequestError('INVALID_REQUEST', `output '${name}' is asked for twice`);
    refuseExtensions(output.parameters, `output '${name}'`);
    wanted.add(name);
  }
  return wanted.size === 0 ? names : [...wanted];
}

/**
 * Parameters without which the request means something else. Others are ignored, as the protocol allows; so is the wish
 * for binary outputs (`binary_data`, `binary_data_output`): clients that wish for them read JSON as well.
 */
const EXTENSIONS: Record<string, string> = {
  binary_data_size: 'the binary tensor extension',
  classification: 'the classification extension',
  shared_memory_region: 'the shared memory extension',
};

function refuseExtensions(parameters: unknown, where: string): void {
  if (parameters === undefined) return;
  if (!isFields(parameters)) {
    throw new RequestError('INVALID_REQUEST', `'parameters' of ${where} must be an object, not ${show(parameters)}`);
  }
  for (const [name, extension] of Object.entries(EXTENSIONS)) {
    if (!Object.hasOwn(parameters, name)) continue;
    throw new RequestError('INVALID_REQUEST', `${where} has the parameter '${name}', but ${extension} is not offered`);
  }
}
