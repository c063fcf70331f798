/** Open Inference Protocol v2 over REST, JSON: one flat list a tensor. */
import { numbersOf, type Tensors } from '../tensors.ts';
import { inferPath, post, type Wire } from './wire.ts';

export function oipBody(inputs: Tensors): string {
  const tensors = inputs.map((tensor) => ({
    name: tensor.name,
    datatype: tensor.datatype,
    shape: tensor.shape,
    data: numbersOf(tensor),
  }));
  return JSON.stringify({ inputs: tensors });
}

interface OipAnswer {
  outputs?: { name: string; datatype: string; shape: number[]; data?: unknown[] }[];
}

export const oipJson: Wire = {
  transport: 'http1',
  encode: (inputs, target) =>
    post(inferPath(target), target, { 'content-type': 'application/json' }, Buffer.from(oipBody(inputs))),
  decode({ body }, { output }) {
    const { outputs } = JSON.parse(body.toString()) as OipAnswer;
    const data = outputs?.find(({ name }) => name === output)?.data;
    if (!data) throw new Error(`no output '${output}' in the answer`);
    return data.flat(Number.POSITIVE_INFINITY) as number[];
  },
};
