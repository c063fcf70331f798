/** What is asked of a model and what it must answer, by onnxruntime itself, one row at a time; shared as a file. */
import { readFile, writeFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { numbersOf, type Tensor, type Tensors } from '../tensors.ts';
import type { BenchModel } from './catalogue.ts';

export interface Pool {
  file: string;
  inputs: Tensors[];
  /** All outputs of each, for those who must answer as much. */
  outputs: Tensors[];
  /** Values of the compared output of each. */
  expected: number[][];
  output: string;
  tolerance: number;
}

export const openSession = (file: string): Promise<InferenceSession> =>
  InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });

export const toOrt = ({ datatype, data, shape }: Tensor): OrtTensor =>
  datatype === 'FP32'
    ? new OrtTensor('float32', data as Float32Array, shape)
    : new OrtTensor('int64', data as BigInt64Array, shape);

export const feedsOf = (inputs: Tensors): Record<string, OrtTensor> =>
  Object.fromEntries(inputs.map((tensor) => [tensor.name, toOrt(tensor)]));

export function fromOrt(results: InferenceSession.OnnxValueMapType): Tensor[] {
  return Object.entries(results).map(([name, value]) => {
    const { type, dims, data } = value as OrtTensor;
    if (type !== 'float32' && type !== 'int64') throw new Error(`output '${name}' is ${type}`);
    return { name, datatype: type === 'float32' ? 'FP32' : 'INT64', shape: dims, data: data as Float32Array };
  });
}

/** Rows of several requests as one. */
export function merged(requests: readonly Tensors[]): Tensor[] {
  const [first] = requests as [Tensors];
  return first.map(({ name, datatype, shape }, index) => {
    const parts = requests.map((inputs) => (inputs[index] as Tensor).data);
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const data = datatype === 'FP32' ? new Float32Array(size) : new BigInt64Array(size);
    let at = 0;
    for (const part of parts) {
      data.set(part as never, at);
      at += part.length;
    }
    return { name, datatype, shape: [requests.length, ...shape.slice(1)], data };
  });
}

export async function makePool(model: BenchModel, log: (line: string) => void): Promise<Pool> {
  const file = await model.file(log);
  const inputs = model.inputs(file);
  const session = await openSession(file);
  const outputs: Tensors[] = [];
  for (const one of inputs) outputs.push(fromOrt(await session.run(feedsOf(one))));
  await session.release();
  const expected = outputs.map((tensors) => {
    const judged = tensors.find(({ name }) => name === model.output);
    if (!judged) throw new Error(`the model has no output '${model.output}'`);
    return numbersOf(judged);
  });
  return { file, inputs, outputs, expected, output: model.output, tolerance: model.tolerance };
}

export const writePool = (path: string, pool: Pool): Promise<void> => writeFile(path, serialize(pool));
export const readPool = async (path: string): Promise<Pool> => deserialize(await readFile(path));
