/** The Open Inference Protocol v2 over REST: JSON, with the binary tensor data and classification extensions. Pure. */
import { JSON_LENGTH_HEADER, splitParts } from './binary-part.ts';
import { classify } from './classification.ts';
import type { Codec } from './codec.ts';
import type { Tensor } from './datatypes.ts';
import { readInferRequest } from './json-request.ts';
import { writeBinaryResponse, writeInferResponse } from './json-response.ts';
import { requireJson } from './media-type.ts';
import type { WantedOutput } from './requested-outputs.ts';

const OR_BINARY = `, or binary tensors with the header ${JSON_LENGTH_HEADER}`;

export const oipRest: Codec = ({ body, headers }, signature) => {
  // With a binary part the type says nothing: clients send application/octet-stream, or none.
  if (headers[JSON_LENGTH_HEADER] === undefined) requireJson(headers, OR_BINARY);
  const { json, binary } = splitParts(body, headers);
  const { id, inputs, outputs: wanted } = readInferRequest(json, signature, binary);
  return {
    inputs,
    outputs: wanted.map(({ spec }) => spec.name),
    write(results, by) {
      const shown = wanted.some(({ classes }) => classes !== undefined) ? classified(results, wanted) : results;
      if (wanted.some((output) => output.binary)) {
        const flags = wanted.map((output) => output.binary);
        return writeBinaryResponse(by, id, shown, flags);
      }
      return { contentType: 'application/json; charset=utf-8', body: writeInferResponse(by, id, shown) };
    },
  };
};

function classified(results: readonly Tensor[], wanted: readonly WantedOutput[]): Tensor[] {
  return results.map((result, index) => {
    const classes = wanted[index]?.classes;
    return classes === undefined ? result : classify(result, classes);
  });
}
