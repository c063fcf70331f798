/** Open Inference Protocol v2 over gRPC, `inference.GRPCInferenceService/ModelInfer`, with raw contents both ways. */
import { bytesOf, numbersIn, type Tensors } from '../tensors.ts';
import { field, fields, varint } from './protobuf.ts';
import type { Wire } from './wire.ts';

export const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';

/** Field numbers of ModelInferRequest and ModelInferResponse. */
const REQUEST = { modelName: 1, inputs: 5, rawInputContents: 7 } as const;
const RESPONSE = { outputs: 5, rawOutputContents: 6 } as const;
/** Of InferInputTensor and InferOutputTensor. */
const TENSOR = { name: 1, datatype: 2, shape: 3 } as const;
const PREFIX_BYTES = 5;

export function inferRequest(model: string, inputs: Tensors): Buffer {
  const described = inputs.map(({ name, datatype, shape }) =>
    field(
      REQUEST.inputs,
      Buffer.concat([
        field(TENSOR.name, name),
        field(TENSOR.datatype, datatype),
        field(TENSOR.shape, Buffer.concat(shape.map(varint))),
      ]),
    ),
  );
  const raw = inputs.map((tensor) => field(REQUEST.rawInputContents, bytesOf(tensor)));
  return Buffer.concat([field(REQUEST.modelName, model), ...described, ...raw]);
}

/** Uncompressed flag and length, big-endian, then the message. */
export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export const oipGrpc: Wire = {
  transport: 'grpc',
  encode: (inputs, { model }) => framed(inferRequest(model, inputs)),
  decode({ body }, { output }) {
    const found = fields(body.subarray(PREFIX_BYTES));
    const tensors = found.filter(({ number }) => number === RESPONSE.outputs).map(({ bytes }) => fields(bytes));
    const raw = found.filter(({ number }) => number === RESPONSE.rawOutputContents);
    const text = (tensor: (typeof tensors)[number], number: number) =>
      tensor.find((one) => one.number === number)?.bytes.toString() ?? '';
    const index = tensors.findIndex((tensor) => text(tensor, TENSOR.name) === output);
    if (index < 0) throw new Error(`no output '${output}' in the answer`);
    const bytes = raw[index]?.bytes;
    if (!bytes) throw new Error(`output '${output}' has no raw contents`);
    return numbersIn(bytes, text(tensors[index] as (typeof tensors)[number], TENSOR.datatype));
  },
};
