/** The Open Inference Protocol v2 over REST: JSON in, JSON out. Pure. */

import { RequestError } from '../errors.ts';
import type { Codec } from './codec.ts';
import { readInferRequest } from './json-request.ts';
import { writeInferResponse } from './json-response.ts';
import { requireJson } from './media-type.ts';

const BINARY = 'inference-header-content-length';

export const oipRest: Codec = ({ body, headers }, signature) => {
  requireJson(headers);
  if (headers[BINARY] !== undefined) {
    throw new RequestError('INVALID_REQUEST', `${BINARY}: the binary tensor extension is not offered; send JSON`);
  }
  const { id, inputs, outputs } = readInferRequest(body, signature);
  return {
    inputs,
    outputs,
    write: (results, by) => ({
      contentType: 'application/json; charset=utf-8',
      body: writeInferResponse(by, id, results),
    }),
  };
};
