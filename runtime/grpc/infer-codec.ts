/** The Open Inference Protocol v2 over gRPC: `ModelInferRequest` in, `ModelInferResponse` out, without gRPC's frames. Pure. */
import { classify } from '../protocol/classification.ts';
import type { Codec } from '../protocol/codec.ts';
import { readInferMessage } from './infer-request.ts';
import { writeInferMessage } from './infer-response.ts';

export const GRPC_TYPE = 'application/grpc';

export const oipGrpc: Codec = ({ body }, signature) => {
  const { id, raw, inputs, outputs } = readInferMessage(body, signature);
  return {
    inputs,
    outputs: outputs.map(({ spec }) => spec.name),
    write(results, by) {
      const shown = results.map((result, index) => {
        const classes = outputs[index]?.classes;
        return classes === undefined ? result : classify(result, classes);
      });
      return { contentType: GRPC_TYPE, body: writeInferMessage(by, id, shown, raw) };
    },
  };
};
