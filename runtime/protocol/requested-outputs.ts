/** Which outputs a request asks for, and in what form each. Pure. */
import { RequestError } from '../errors.ts';
import { show } from './json-tensor.ts';
import { type Fields, isFields, readCount, readFlag, readParameters } from './parameters.ts';
import { quoted, type Signature, showNames, type TensorSpec } from './signature.ts';

export interface WantedOutput {
  spec: TensorSpec;
  /** As bytes after the JSON. */
  binary: boolean;
  /** This many of the largest values with their indices, in place of the values. */
  classes: number | undefined;
}

/** What a request gets that names no outputs: all, in the model's order. By signature, so that it is made once. */
const ALL = new WeakMap<Signature, { json: readonly WantedOutput[]; binary: readonly WantedOutput[] }>();

function allOf(signature: Signature, binary: boolean): readonly WantedOutput[] {
  let all = ALL.get(signature);
  if (!all) {
    const as = (binary: boolean) => signature.outputs.map((spec) => ({ spec, binary, classes: undefined }));
    all = { json: as(false), binary: as(true) };
    ALL.set(signature, all);
  }
  return binary ? all.binary : all.json;
}

/**
 * @param given the request's `outputs`
 * @param parameters of the request
 * @throws RequestError INVALID_REQUEST, UNKNOWN_OUTPUT
 */
export function readOutputs(
  given: unknown,
  signature: Signature,
  parameters: Fields | undefined,
): readonly WantedOutput[] {
  const binary = readFlag(parameters, 'binary_data_output', 'the request') ?? false;
  if (given === undefined) return allOf(signature, binary);
  if (!Array.isArray(given))
    throw new RequestError('INVALID_REQUEST', `'outputs' must be an array, not ${show(given)}`);
  const wanted = new Map<string, WantedOutput>();
  for (const [index, output] of given.entries()) {
    const name = isFields(output) ? output.name : undefined;
    if (!isFields(output) || typeof name !== 'string') {
      throw new RequestError('INVALID_REQUEST', `outputs[${index}] must be an object with a 'name'`);
    }
    const spec = signature.outputs.find((each) => each.name === name);
    if (!spec) {
      const names = showNames(signature.outputs.map((each) => each.name));
      throw new RequestError('UNKNOWN_OUTPUT', `the model has no output ${quoted(name)}; it gives ${names}`);
    }
    if (wanted.has(name)) throw new RequestError('INVALID_REQUEST', `output '${name}' is asked for twice`);
    wanted.set(name, readOutput(output.parameters, spec, binary));
  }
  return wanted.size === 0 ? allOf(signature, binary) : [...wanted.values()];
}

function readOutput(given: unknown, spec: TensorSpec, all: boolean): WantedOutput {
  const parameters = readParameters(given, 'output', spec.name);
  if (parameters === undefined) return { spec, binary: all, classes: undefined };
  const where = `output '${spec.name}'`;
  const binary = readFlag(parameters, 'binary_data', where) ?? all;
  // Triton's own clients write a 0 where no classes are wanted.
  const classes = readCount(parameters, 'classification', where) || undefined;
  if (classes !== undefined && (spec.datatype === 'BYTES' || spec.datatype === 'BOOL')) {
    const message = `${where} is ${spec.datatype}; 'classification' ranks numbers only`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  return { spec, binary, classes };
}
