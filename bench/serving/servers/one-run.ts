/**
 * A model server as one writes it by hand in an hour: fastify, JSON.parse, one run of onnxruntime a request on the main
 * thread, JSON.stringify. node one-run.ts PORT MODEL.onnx
 */
import fastify from 'fastify';
import { feedsOf, fromOrt, openSession } from '../models/pool.ts';
import { numbersOf } from '../tensors.ts';

interface Body {
  inputs: { name: string; datatype: 'FP32' | 'INT64'; shape: number[]; data: number[] }[];
}

const [port, file] = process.argv.slice(2);
const session = await openSession(file as string);
const app = fastify({ bodyLimit: 2 ** 28 });

app.post('/v2/models/model/infer', async (request) => {
  const { inputs } = request.body as Body;
  const tensors = inputs.map(({ name, datatype, shape, data }) =>
    datatype === 'FP32'
      ? { name, datatype: 'FP32' as const, shape, data: new Float32Array(data) }
      : { name, datatype: 'INT64' as const, shape, data: BigInt64Array.from(data, BigInt) },
  );
  const outputs = fromOrt(await session.run(feedsOf(tensors)));
  return {
    model_name: 'model',
    outputs: outputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      return {
        name,
        datatype,
        shape,
        data: datatype === 'FP32' ? Array.from(tensor.data as Float32Array) : numbersOf(tensor),
      };
    }),
  };
});
app.get('/v2/health/ready', async () => '');
await app.listen({ port: Number(port), host: '127.0.0.1' });
