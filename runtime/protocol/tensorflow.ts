/**
 * The predict API of TensorFlow Serving over REST, in row and column format. Pure.
 * @see https://www.tensorflow.org/tfx/serving/api_rest#predict_api
 */
import { RequestError } from '../errors.ts';
import type { Codec, Prepared } from './codec.ts';
import { show } from './json-tensor.ts';
import { requireJson } from './media-type.ts';
import { type Fields, isFields } from './parameters.ts';
import { readColumns, readRows } from './row-tensors.ts';
import { parseLooseJson } from './row-tensors-text.ts';
import { type FloatWords, writeColumns, writeRows } from './row-tensors-write.ts';
import { quoted, type Signature } from './signature.ts';

export const SIGNATURE_NAME = 'serving_default';
export const JSON_TYPE = 'application/json; charset=utf-8';

export const tensorflowPredict: Codec = ({ body, headers }, signature) => {
  requireJson(headers);
  return preparePredict(parseRequest(body, signature), signature, 'bare');
};

/** @throws RequestError MALFORMED_JSON, INVALID_REQUEST when it is no object, or names another signature */
export function parseRequest(body: Buffer, signature: Signature): Fields {
  const request = parseLooseJson(body, takesLongIntegers(signature));
  if (!isFields(request))
    throw new RequestError('INVALID_REQUEST', `the body must be a JSON object, not ${show(request)}`);
  checkSignatureName(request.signature_name);
  return request;
}

/** Whether an input takes integers that a JSON number may not hold. */
export function takesLongIntegers({ inputs }: Signature): boolean {
  return inputs.some(({ datatype }) => datatype === 'INT64' || datatype === 'UINT64');
}

export function checkSignatureName(name: unknown): void {
  if (name === undefined || name === '' || name === SIGNATURE_NAME) return;
  const given = typeof name === 'string' ? quoted(name) : show(name);
  const message = `'signature_name' is ${given}; the model has one signature, '${SIGNATURE_NAME}', or leave it out`;
  throw new RequestError('INVALID_REQUEST', message);
}

/** A body with `instances` (rows) or `inputs` (columns). @throws RequestError */
export function preparePredict(request: Fields, signature: Signature, words: FloatWords): Prepared {
  const { instances, inputs } = request;
  if (instances !== undefined && inputs !== undefined) {
    throw new RequestError('INVALID_REQUEST', "give either 'instances' (rows) or 'inputs' (columns), not both");
  }
  if (instances !== undefined) return rowsPrepared(instances, signature, words);
  if (inputs === undefined) {
    throw new RequestError('INVALID_REQUEST', "the body has neither 'instances' (rows) nor 'inputs' (columns)");
  }
  return {
    inputs: readColumns(inputs, signature),
    outputs: outputNames(signature),
    write: (outputs) => ({ contentType: JSON_TYPE, body: `{"outputs":${writeColumns(outputs, words)}}` }),
  };
}

/** Rows in, `predictions` out. @throws RequestError */
export function rowsPrepared(instances: unknown, signature: Signature, words: FloatWords): Prepared {
  return {
    inputs: readRows(instances, signature),
    outputs: outputNames(signature),
    write: (outputs) => ({ contentType: JSON_TYPE, body: `{"predictions":${writeRows(outputs, words)}}` }),
  };
}

export function outputNames({ outputs }: Signature): string[] {
  return outputs.map(({ name }) => name);
}
