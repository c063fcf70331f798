/**
 * Open Inference Protocol v2 over REST with the binary tensor data extension, as Triton defines it: a JSON head, whose
 * length the header `Inference-Header-Content-Length` gives, then the tensors' bytes in its order. Both ways.
 */
import { bytesOf, numbersIn, type Tensors } from '../tensors.ts';
import { inferPath, post, type Wire } from './wire.ts';

const HEAD_LENGTH = 'Inference-Header-Content-Length';

export function binaryBody(inputs: Tensors): { head: Buffer; body: Buffer } {
  const head = Buffer.from(
    JSON.stringify({
      inputs: inputs.map(({ name, datatype, shape, data }) => ({
        name,
        datatype,
        shape,
        parameters: { binary_data_size: data.byteLength },
      })),
      parameters: { binary_data_output: true },
    }),
  );
  return { head, body: Buffer.concat([head, ...inputs.map(bytesOf)]) };
}

interface BinaryHead {
  outputs: { name: string; datatype: string; parameters?: { binary_data_size?: number } }[];
}

export const oipBinary: Wire = {
  transport: 'http1',
  encode(inputs, target) {
    const { head, body } = binaryBody(inputs);
    const headers = { 'content-type': 'application/octet-stream', [HEAD_LENGTH]: head.length };
    return post(inferPath(target), target, headers, body);
  },
  decode({ head, body }, { output }) {
    const length = new RegExp(`^${HEAD_LENGTH}: *(\\d+)`, 'im').exec(head)?.[1];
    if (length === undefined) throw new Error(`the answer has no ${HEAD_LENGTH}: it is not binary`);
    const { outputs } = JSON.parse(body.subarray(0, Number(length)).toString()) as BinaryHead;
    let at = Number(length);
    for (const { name, datatype, parameters } of outputs) {
      const size = parameters?.binary_data_size;
      if (size === undefined) throw new Error(`output '${name}' is not binary`);
      if (name === output) return numbersIn(body.subarray(at, at + size), datatype);
      at += size;
    }
    throw new Error(`no output '${output}' in the answer`);
  },
};
