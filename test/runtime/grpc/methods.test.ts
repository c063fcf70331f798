import { describe, expect, test } from 'vitest';
import { ask } from '../harness.ts';
import { identity } from '../onnx-builder.ts';
import { clientOf, compressed, digits, failureOf, INFERENCE, rawDigits, runGrpc, runHeld } from './support.ts';

describe('questions', () => {
  test('about the server', async () => {
    const { client } = await runGrpc();
    expect((await client.call('ServerLive')).message).toEqual({ live: true });
    expect((await client.call('ServerReady')).message).toEqual({ ready: true });
    const { message } = await client.call('ServerMetadata');
    expect(message).toMatchObject({ name: 'modelship', version: 'test' });
    expect(message.extensions).toEqual(expect.arrayContaining(['statistics', 'classification', 'model_repository']));
    const index = (await client.call('RepositoryIndex', { ready: true })).message;
    expect(index).toEqual({ models: [{ name: 'm', version: 'v1', state: 'READY', reason: '' }] });
  });

  test('about the model, with and without the version', async () => {
    const { client } = await runGrpc();
    for (const version of ['', 'v1']) {
      const asked = { name: 'm', version };
      expect((await client.call('ModelReady', asked)).message).toEqual({ ready: true });
      expect((await client.call('ModelMetadata', asked)).message).toEqual({
        name: 'm',
        versions: ['v1'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }],
        outputs: [
          { name: 'label', datatype: 'INT64', shape: [-1] },
          { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
        ],
      });
    }
  });

  test('about its configuration and statistics: what REST says', async () => {
    const { client, entry } = await runGrpc({ serving: { batching: { maxBatchSize: 8, maxDelayMs: 2 } } });
    for (let i = 0; i < 3; i++) await client.call('ModelInfer', digits());
    await failureOf(client.call('ModelInfer', digits({ inputs: [] })));
    const { config } = (await client.call('ModelConfig', { name: 'm' })).message;
    const rest = (await ask(`${entry}/v2/models/m/config`)).json;
    expect(config).toMatchObject({
      name: 'm',
      platform: 'onnxruntime_onnx',
      max_batch_size: rest.max_batch_size,
      input: rest.input,
      output: rest.output,
      instance_group: rest.instance_group,
      dynamic_batching: { max_queue_delay_microseconds: 2_000 },
    });
    const statistics = (await client.call('ModelStatistics', {})).message;
    const { model_stats: stats } = (await ask(`${entry}/v2/models/m/stats`)).json;
    expect(statistics.model_stats).toMatchObject(stats);
    expect(statistics.model_stats[0]).toMatchObject({ name: 'm', inference_count: 3 });
  });

  test('about what is not there', async () => {
    const { client } = await runGrpc();
    const wrongModel = await failureOf(client.call('ModelMetadata', { name: 'x' }));
    expect(wrongModel).toEqual({
      status: 'NOT_FOUND',
      code: 'MODEL_NOT_FOUND',
      details: "there is no model 'x' here; there is 'm'",
    });
    for (const method of ['ModelReady', 'ModelMetadata', 'ModelConfig', 'ModelStatistics']) {
      const failure = await failureOf(client.call(method, { name: 'm', version: 'v9' }));
      expect(failure, method).toMatchObject({ status: 'NOT_FOUND', code: 'VERSION_NOT_FOUND' });
    }
  });

  test('before the model is loaded', async () => {
    const { client } = await runGrpc({ load: false });
    expect((await client.call('ServerLive')).message).toEqual({ live: true });
    expect((await client.call('ServerReady')).message).toEqual({ ready: false });
    expect((await client.call('ModelReady', { name: 'm' })).message).toEqual({ ready: false });
    for (const method of ['ModelMetadata', 'ModelConfig']) {
      const failure = await failureOf(client.call(method, { name: 'm' }));
      expect(failure).toMatchObject({ status: 'UNAVAILABLE', code: 'NOT_READY' });
    }
    const failure = await failureOf(client.call('ModelInfer', digits()));
    expect(failure).toMatchObject({ status: 'UNAVAILABLE', code: 'NOT_READY' });
  });

  test.each([
    ['RepositoryModelLoad', 'REPOSITORY_READ_ONLY', /ModelDeployment/],
    ['RepositoryModelUnload', 'REPOSITORY_READ_ONLY', /ModelDeployment/],
    ['SystemSharedMemoryStatus', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['SystemSharedMemoryRegister', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['SystemSharedMemoryUnregister', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['CudaSharedMemoryStatus', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['CudaSharedMemoryRegister', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['CudaSharedMemoryUnregister', 'ROUTE_NOT_FOUND', /shares no memory/],
    ['TraceSetting', 'ROUTE_NOT_FOUND', /traceparent/],
    ['LogSettings', 'ROUTE_NOT_FOUND', /level/],
  ])('%s is not offered, and says why', async (method, code, why) => {
    const { client } = await runGrpc({ load: false });
    const failure = await failureOf(client.call(method, { model_name: 'm' }));
    expect(failure).toEqual({ status: 'UNIMPLEMENTED', code, details: expect.stringMatching(why) });
  });
});

describe('inference', () => {
  test('is what REST says, typed and raw', async () => {
    const { client, entry } = await runGrpc();
    const inputs = [
      { name: 'image', datatype: 'FP32', shape: [1, 64], data: Array.from({ length: 64 }, (_, i) => i % 17) },
    ];
    const { json } = await ask(`${entry}/v2/models/m/infer`, { inputs });
    const [label, probabilities] = json.outputs.map(({ data }: { data: number[] }) => data);
    const { message, metadata } = await client.call('ModelInfer', digits({ id: 'seven' }));
    expect(metadata.get('modelship-version')).toEqual(['v1']);
    expect(message).toMatchObject({ model_name: 'm', model_version: 'v1', id: 'seven', raw_output_contents: [] });
    expect(message.outputs[0].contents.int64_contents).toEqual(label);
    expect(message.outputs[1].contents.fp32_contents).toEqual(probabilities.map(Math.fround));
    const raw = (await client.call('ModelInfer', rawDigits())).message;
    expect(raw.outputs.map((output: { contents: unknown }) => output.contents)).toEqual([null, null]);
    const [first, second] = raw.raw_output_contents as [Buffer, Buffer];
    expect(Number(first.readBigInt64LE())).toBe(label[0]);
    expect(Array.from({ length: 10 }, (_, i) => second.readFloatLE(i * 4))).toEqual(probabilities.map(Math.fround));
  });

  test('of the outputs that are asked for, as classes too', async () => {
    const { client } = await runGrpc();
    const outputs = [{ name: 'probabilities', parameters: { classification: { int64_param: 1 } } }];
    const { message } = await client.call('ModelInfer', digits({ outputs }));
    expect(message.outputs).toHaveLength(1);
    expect(message.outputs[0]).toMatchObject({ name: 'probabilities', datatype: 'BYTES', shape: [1, 1] });
    expect(String(message.outputs[0].contents.bytes_contents[0])).toMatch(/^[\d.]+:4$/);
  });

  test.each(['gzip', 'deflate'] as const)('of a message in %s', async (algorithm) => {
    const { entryGrpc } = await runGrpc();
    const client = clientOf(entryGrpc, INFERENCE, compressed(algorithm));
    expect((await client.call('ModelInfer', digits())).message.model_version).toBe('v1');
  });

  test('of a message that is large both ways', async () => {
    const { client } = await runGrpc({ model: identity('FP32') });
    const values = Float32Array.from({ length: 3_000_000 }, (_, i) => i);
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [values.length] }];
    const { message } = await client.call('ModelInfer', {
      model_name: 'm',
      inputs,
      raw_input_contents: [Buffer.from(values.buffer)],
    });
    expect(Buffer.compare(message.raw_output_contents[0], Buffer.from(values.buffer))).toBe(0);
  });

  test('is refused with the same codes as over REST, counted the same', async () => {
    const { client, server } = await runGrpc();
    const shape = digits({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 3] }] });
    expect(await failureOf(client.call('ModelInfer', shape))).toEqual({
      status: 'INVALID_ARGUMENT',
      code: 'INPUT_SHAPE',
      details: "input 'image' has the shape [1,3]; the model takes FP32 [-1,64]",
    });
    expect(await failureOf(client.call('ModelInfer', digits({ model_name: '' })))).toMatchObject({
      status: 'NOT_FOUND',
      code: 'MODEL_NOT_FOUND',
    });
    expect(server.report().versions.v1).toMatchObject({ answered: 1, refused: 1, errors: 0 });
  });

  test('beyond what may wait is RESOURCE_EXHAUSTED, with the time to wait', async () => {
    const { client, waiting, finish } = await runHeld({ queue: 1 });
    const body = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1], contents: { fp32_contents: [1] } }],
      model_name: 'm',
    };
    const taken = [client.call('ModelInfer', body), client.call('ModelInfer', body)];
    await waiting(2);
    const refused = client.call('ModelInfer', body);
    await expect(refused).rejects.toMatchObject({ code: 8 });
    const { metadata } = await refused.catch((error) => error);
    expect(metadata.get('modelship-code')).toEqual(['QUEUE_FULL']);
    expect(metadata.get('grpc-retry-pushback-ms')).toEqual(['1000']);
    await finish();
    await Promise.all(taken);
  });
});
