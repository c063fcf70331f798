/**
 * The prediction request of Vertex AI's container contract: rows in, rows out. Pure.
 * @see https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#prediction
 */
import { RequestError } from '../errors.ts';
import type { Codec } from './codec.ts';
import { show } from './json-tensor.ts';
import { requireJson } from './media-type.ts';
import { isFields } from './parameters.ts';
import { parseLooseJson } from './row-tensors-text.ts';
import { rowsPrepared, takesLongIntegers } from './tensorflow.ts';

/** `parameters` are let in and mean nothing to a model. Vertex AI reads the answer as JSON, so NaN is a string in it. */
export const vertexPredict: Codec = ({ body, headers }, signature) => {
  requireJson(headers);
  const request = parseLooseJson(body, takesLongIntegers(signature));
  if (!isFields(request) || request.instances === undefined) {
    const what = isFields(request) ? 'it has none' : `it is ${show(request)}`;
    throw new RequestError('INVALID_REQUEST', `the body must be a JSON object with 'instances'; ${what}`);
  }
  const { parameters } = request;
  if (parameters !== undefined && parameters !== null && !isFields(parameters)) {
    throw new RequestError('INVALID_REQUEST', `'parameters' must be an object, not ${show(parameters)}`);
  }
  return rowsPrepared(request.instances, signature, 'quoted');
};
