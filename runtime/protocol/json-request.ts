/** An inference request of the Open Inference Protocol: JSON, and what of its tensors follows it in binary. Pure. */
import { RequestError } from '../errors.ts';
import { BinaryPart } from './binary-part.ts';
import type { Tensor } from './datatypes.ts';
import { type JsonInput, readTensor, show } from './json-tensor.ts';
import { parseJson } from './json-text.ts';
import { type Fields, isFields, readParameters } from './parameters.ts';
import { readOutputs, type WantedOutput } from './requested-outputs.ts';
import { describe, quoted, type Signature, showNames, type TensorSpec } from './signature.ts';

export interface InferRequest {
  /** To be echoed. */
  id: string | undefined;
  /** One for each input of the model, in the model's order. */
  inputs: Tensor[];
  /** Those asked for, in the order of the request; the model's own when none were named. */
  outputs: readonly WantedOutput[];
}

/**
 * Reads and checks a request for a model.
 * @param binary what follows the JSON, if the request says that it has such a part
 * @throws RequestError of status 400; the message names the tensor and what the model wants
 */
export function readInferRequest(body: Buffer, signature: Signature, binary?: Buffer): InferRequest {
  const request = parseJson(body, takesBigIntegers(signature));
  if (!isFields(request)) {
    throw new RequestError('INVALID_REQUEST', `the body must be a JSON object with 'inputs', not ${show(request)}`);
  }
  const id = request.id;
  if (id !== undefined && typeof id !== 'string') {
    throw new RequestError('INVALID_REQUEST', `'id' must be a string, not ${show(id)}`);
  }
  const parameters = readParameters(request.parameters, 'the request', '');
  const inputs = readInputs(request.inputs, signature, new BinaryPart(binary));
  return { id, inputs, outputs: readOutputs(request.outputs, signature, parameters) };
}

function takesBigIntegers({ inputs }: Signature): boolean {
  for (const { datatype } of inputs) if (datatype === 'INT64' || datatype === 'UINT64') return true;
  return false;
}

/** An input as the request has it, and its share of the binary part if it has one. */
interface Given {
  input: Fields;
  raw: Buffer | undefined;
}

function readInputs(given: unknown, { inputs }: Signature, binary: BinaryPart): Tensor[] {
  if (!Array.isArray(given)) {
    const what = given === undefined ? "has no 'inputs'" : `has 'inputs' that are ${show(given)}`;
    throw new RequestError('INVALID_REQUEST', `the request ${what}; it must be an array of tensors`);
  }
  const found = new Array<Given | undefined>(inputs.length);
  // Their binary data lie in the order of the request, whatever the model's.
  for (let index = 0; index < given.length; index++) {
    const input: unknown = given[index];
    if (!isFields(input))
      throw new RequestError('INVALID_REQUEST', `inputs[${index}] is ${show(input)}, not an object`);
    const { name } = input;
    const at = placeOf(name, index, inputs);
    if (found[at]) throw new RequestError('DUPLICATE_INPUT', `input '${name}' is given twice`);
    const parameters = readParameters(input.parameters, 'input', name as string);
    found[at] = { input, raw: binary.take(name as string, input, parameters) };
  }
  binary.requireEnd();
  const tensors: Tensor[] = [];
  for (let at = 0; at < inputs.length; at++) {
    const spec = inputs[at] as TensorSpec;
    const { input, raw } = found[at] ?? missing(spec);
    tensors.push(readTensor(input as unknown as JsonInput, spec, raw));
  }
  return tensors;
}

function missing(spec: TensorSpec): never {
  throw new RequestError('MISSING_INPUT', `input '${spec.name}' is missing; the model takes ${describe(spec)}`);
}

/** Which of the model's inputs has this name. */
function placeOf(name: unknown, index: number, inputs: readonly TensorSpec[]): number {
  if (typeof name !== 'string') {
    throw new RequestError('INVALID_REQUEST', `inputs[${index}] has no name; 'name' must be a string`);
  }
  // Clients write inputs in the model's order, mostly.
  if (inputs[index]?.name === name) return index;
  const at = inputs.findIndex((spec) => spec.name === name);
  if (at >= 0) return at;
  const known = showNames(inputs.map((spec) => spec.name));
  throw new RequestError('UNKNOWN_INPUT', `the model has no input ${quoted(name)}; it takes ${known}`);
}
