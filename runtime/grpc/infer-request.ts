/** `ModelInferRequest` → tensors, checked against what the model takes. Pure. */
import { RequestError } from '../errors.ts';
import { type Datatype, sizeOf, type Tensor, type TensorData } from '../protocol/datatypes.ts';
import { readDatatype, readShape, readTensor } from '../protocol/json-tensor.ts';
import { type Fields, readParameters } from '../protocol/parameters.ts';
import { readOutputs, type WantedOutput } from '../protocol/requested-outputs.ts';
import { describe, quoted, type Signature, showNames, type TensorSpec } from '../protocol/signature.ts';
import { readContents } from './contents.ts';
import { readParameter } from './parameters.ts';
import { BYTES, Reader, tagOf, VARINT } from './reader.ts';

export interface InferMessage {
  /** To be echoed; empty: none. */
  id: string;
  /** The inputs came as raw contents, so the outputs go as such. */
  raw: boolean;
  /** One for each input of the model, in the model's order. */
  inputs: Tensor[];
  outputs: readonly WantedOutput[];
}

/** What a message says of itself before its tensors: read without touching them. Empty texts are undefined. */
export interface MessageHead {
  model: string | undefined;
  version: string | undefined;
  id: string | undefined;
}

const MODEL_NAME = tagOf(1, BYTES);
const MODEL_VERSION = tagOf(2, BYTES);
const ID = tagOf(3, BYTES);
const PARAMETERS = tagOf(4, BYTES);
const INPUTS = tagOf(5, BYTES);
const OUTPUTS = tagOf(6, BYTES);
const RAW_INPUT_CONTENTS = tagOf(7, BYTES);

const NO_HEAD: MessageHead = { model: undefined, version: undefined, id: undefined };

/** Never throws: a message that cannot be read is refused by whoever reads all of it. */
export function readHead(body: Buffer): MessageHead {
  const reader = new Reader(body);
  const head = { ...NO_HEAD };
  try {
    while (reader.more) {
      const tag = reader.tag();
      if (tag === MODEL_NAME) head.model = reader.string('model_name');
      else if (tag === MODEL_VERSION) head.version = reader.string('model_version') || undefined;
      else if (tag === ID) head.id = reader.string('id') || undefined;
      else reader.skip(tag);
    }
  } catch {
    return NO_HEAD;
  }
  // The field is not on the wire when it is empty; then the message names no model, which is wrong.
  head.model ??= '';
  return head;
}

/** An input as it was given, its values not looked at yet. */
interface Given {
  spec: TensorSpec;
  datatype: string;
  shape: number[];
  contents: Buffer | undefined;
}

/** @throws RequestError of status 400; the message names the tensor and what the model wants */
export function readInferMessage(body: Buffer, signature: Signature): InferMessage {
  const reader = new Reader(body);
  const inputs: Given[] = [];
  const outputs: Fields[] = [];
  const raw: Buffer[] = [];
  let id = '';
  let parameters: Fields | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === INPUTS) inputs.push(readInput(reader.child(), signature, inputs));
    else if (tag === RAW_INPUT_CONTENTS) {
      if (raw.length === signature.inputs.length) throw miscounted(`more than ${raw.length}`, signature.inputs.length);
      raw.push(reader.bytes());
    } else if (tag === OUTPUTS) addOutput(reader.child(), signature, outputs);
    else if (tag === ID) id = reader.string('id');
    else if (tag === PARAMETERS) parameters = readParameter(reader, parameters, 'the request');
    else reader.skip(tag);
  }
  readParameters(parameters, 'the request', '');
  if (raw.length > 0 && raw.length !== inputs.length) throw miscounted(String(raw.length), inputs.length);
  return {
    id,
    raw: raw.length > 0,
    inputs: signature.inputs.map((spec) => {
      const at = inputs.findIndex((input) => input.spec === spec);
      const input = inputs[at];
      if (!input)
        throw new RequestError('MISSING_INPUT', `input '${spec.name}' is missing; the model takes ${describe(spec)}`);
      return tensorOf(input, raw[at]);
    }),
    outputs: readOutputs(outputs.length === 0 ? undefined : outputs, signature, undefined),
  };
}

function miscounted(given: string, inputs: number): RequestError {
  const message = `the request has ${given} raw_input_contents for ${inputs} inputs; it must have one for each, or none`;
  return new RequestError('INVALID_REQUEST', message);
}

function readInput(reader: Reader, { inputs }: Signature, before: readonly Given[]): Given {
  let name = '';
  let datatype = '';
  let contents: Buffer | undefined;
  let parameters: Fields | undefined;
  const shape: number[] = [];
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(1, BYTES)) name = reader.string('the name of an input');
    else if (tag === tagOf(2, BYTES)) datatype = reader.string('the datatype of an input');
    else if (tag === tagOf(3, BYTES)) for (const dims = reader.child(); dims.more; ) addDimension(dims, shape, name);
    else if (tag === tagOf(3, VARINT)) addDimension(reader, shape, name);
    else if (tag === tagOf(4, BYTES)) parameters = readParameter(reader, parameters, 'an input');
    else if (tag === tagOf(5, BYTES)) {
      if (contents) throw new RequestError('INVALID_REQUEST', `input ${quoted(name)} has contents twice`);
      contents = reader.bytes();
    } else reader.skip(tag);
  }
  const spec = inputs.find((each) => each.name === name);
  if (!spec) {
    const known = showNames(inputs.map((each) => each.name));
    throw new RequestError('UNKNOWN_INPUT', `the model has no input ${quoted(name)}; it takes ${known}`);
  }
  if (before.some((input) => input.spec === spec)) {
    throw new RequestError('DUPLICATE_INPUT', `input ${quoted(name)} is given twice`);
  }
  readParameters(parameters, 'input', name);
  return { spec, datatype, shape, contents };
}

const MOST_DIMENSIONS = 32;

function addDimension(reader: Reader, shape: number[], name: string): void {
  if (shape.length === MOST_DIMENSIONS) {
    const message = `input ${quoted(name)} has more than ${MOST_DIMENSIONS} dimensions`;
    throw new RequestError('INPUT_SHAPE', message);
  }
  shape.push(reader.int64());
}

/** As the shared check of outputs wants them. One more than the model has is enough to be refused. */
function addOutput(reader: Reader, signature: Signature, outputs: Fields[]): void {
  let name = '';
  let parameters: Fields | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(1, BYTES)) name = reader.string('the name of an output');
    else if (tag === tagOf(2, BYTES)) parameters = readParameter(reader, parameters, 'an output');
    else reader.skip(tag);
  }
  if (outputs.length <= signature.outputs.length) outputs.push({ name, parameters });
}

function tensorOf({ spec, datatype: given, shape: dims, contents }: Given, raw: Buffer | undefined): Tensor {
  const where = `input '${spec.name}'`;
  if (raw !== undefined) {
    if (contents === undefined || contents.length === 0) return readTensor(withoutData(given, dims), spec, raw);
    const message = `${where} has contents, and the request has raw_input_contents too; give one of them`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  const datatype = readDatatype(given === '' ? undefined : given, spec);
  const shape = readShape(dims, spec);
  return { name: spec.name, datatype, shape, data: typedData(contents, datatype, sizeOf(shape), where) };
}

function withoutData(datatype: string, shape: number[]) {
  return { datatype: datatype === '' ? undefined : datatype, shape, data: undefined };
}

const NO_CONTENTS = Buffer.alloc(0);

function typedData(contents: Buffer | undefined, datatype: Datatype, size: number, where: string): TensorData {
  if (contents === undefined && size > 0) {
    throw new RequestError('INPUT_DATA', `${where} has no data: give it contents, or the request raw_input_contents`);
  }
  return readContents(contents ?? NO_CONTENTS, datatype, size, where);
}
