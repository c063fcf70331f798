/** The spans of requests that one process answers, as a collector gets them. */
import { describe, expect, test } from 'vitest';
import { clientOf, digits, INFERENCE, type Message, ROW } from '../grpc/support.ts';
import { ask, DIGITS, type Running, type RunOptions, run } from '../harness.ts';
import { PARENT, type ReceivedSpan, receiver, TRACE, tracedTo, traceparent } from './receiver.ts';

const INPUT = { name: 'image', datatype: 'FP32', shape: [1, 64], data: ROW };
const BODY = { inputs: [INPUT] };
/** As they began: what is exported later may come sooner. */
const inOrder = (spans: readonly ReceivedSpan[]) => spans.toSorted((a, b) => a.start - b.start);
const isServer = ({ kind }: ReceivedSpan) => kind === 2;

async function traced(options: RunOptions = {}) {
  const collector = await receiver();
  const tracing = await tracedTo(collector);
  const running = await run({
    tracing,
    ...options,
    serving: { protocols: ['rest', 'grpc', 'graphql', 'tensorflow', 'sagemaker', 'vertex'], ...options.serving },
    launch: { entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0', ...options.launch },
  });
  return { collector, running };
}

const url = ({ entry }: Running) => `${entry}/v2/models/m/infer`;

describe('a request', () => {
  test('has a server span in its caller’s trace, and in it the wait and the run', async () => {
    const { collector, running } = await traced();
    const before = Date.now();
    await ask(url(running), BODY, { headers: { traceparent: traceparent() } });
    const after = Date.now();
    const [server, queue, run] = await collector.found(
      isServer,
      ...['queue', 'run'].map((n) => (s: ReceivedSpan) => s.name === n),
    );
    expect(server).toMatchObject({
      traceId: TRACE,
      parent: PARENT,
      name: 'POST /v2/models/:model/infer',
      status: 0,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v2/models/:model/infer',
        'http.response.status_code': 200,
        'modelship.model': 'm',
        'modelship.version': 'v1',
        'modelship.protocol': 'rest',
        'modelship.door': 'entry',
        'modelship.answer.from': 'run',
      },
      resource: { 'service.name': 'm', 'service.version': 'v1', 'modelship.version': 'v1', 'process.pid': process.pid },
    });
    for (const child of [queue, run]) expect(child).toMatchObject({ traceId: TRACE, parent: server?.spanId, kind: 1 });
    expect(run?.attributes).toEqual({ 'modelship.batch.items': 1, 'modelship.items': 1 });
    // Spans tell the time by a clock that does not follow when the machine's is set.
    const times = [before - 1_000, server?.start, queue?.start, queue?.end, run?.end, server?.end, after + 1_000];
    expect(times).toEqual((times as number[]).toSorted((a, b) => a - b));
    expect(queue?.end).toBe(run?.start);
    expect(collector.types).toEqual(new Set(['application/x-protobuf']));
  });

  test('without a caller’s trace begins one; what is not a traceparent is none', async () => {
    const { collector, running } = await traced();
    await ask(url(running), BODY);
    await ask(url(running), BODY, {
      headers: { traceparent: '00-00000000000000000000000000000000-b7ad6b7169203331-01' },
    });
    await collector.found(() => collector.spans.filter(isServer).length === 2);
    const roots = collector.spans.filter(isServer);
    for (const { parent, traceId } of roots)
      expect([parent, traceId]).toEqual(['', expect.stringMatching(/^[\da-f]{32}$/)]);
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(2);
  });

  test.each<[string, (running: Running) => Promise<unknown>, object]>([
    [
      'binary',
      (r) => binary(r),
      { name: 'POST /v2/models/:model/infer', attributes: { 'modelship.protocol': 'rest' } },
    ],
    [
      'of a version by its path',
      ({ entry }) => ask(`${entry}/v2/models/m/versions/v1/infer`, BODY),
      { name: 'POST /v2/models/:model/versions/:version/infer' },
    ],
    [
      'of TensorFlow Serving',
      ({ entry }) => ask(`${entry}/v1/models/m:predict`, { instances: [ROW] }),
      { name: 'POST /v1/models/:model:predict', attributes: { 'modelship.protocol': 'tensorflow' } },
    ],
    [
      'of SageMaker',
      ({ entry }) => ask(`${entry}/invocations`, { instances: [ROW] }),
      { name: 'POST /invocations', attributes: { 'modelship.protocol': 'sagemaker' } },
    ],
    [
      'of Vertex AI',
      ({ entry }) => ask(`${entry}/v1/endpoints/1/deployedModels/2:predict`, { instances: [ROW] }),
      {
        name: 'POST /v1/endpoints/:endpoint/deployedModels/:deployed',
        attributes: { 'modelship.protocol': 'vertex' },
      },
    ],
    [
      'of GraphQL',
      ({ entry }) =>
        ask(`${entry}/graphql`, {
          query: 'query ($inputs: [TensorInput!]!) { infer(model: "m", inputs: $inputs) { modelVersion } }',
          variables: { inputs: [INPUT] },
        }),
      { name: 'POST /graphql', attributes: { 'modelship.protocol': 'graphql' } },
    ],
    [
      'over gRPC',
      ({ entryGrpc }) => clientOf(entryGrpc, INFERENCE).call('ModelInfer', digits()),
      {
        name: 'inference.GRPCInferenceService/ModelInfer',
        attributes: { 'rpc.system.name': 'grpc', 'rpc.response.status_code': 'OK', 'modelship.protocol': 'grpc' },
      },
    ],
    [
      'on a stream',
      ({ entryGrpc }) => streamed(entryGrpc),
      {
        name: 'inference.GRPCInferenceService/ModelStreamInfer',
        attributes: { 'rpc.method': 'inference.GRPCInferenceService/ModelStreamInfer' },
      },
    ],
  ])('%s is named after its route and has its run', async (_which, send, wanted) => {
    const { collector, running } = await traced({ launch: { uri: DIGITS } });
    await send(running);
    const [server, ran] = await collector.found(isServer, ({ name }) => name === 'run');
    expect(server).toMatchObject({ status: 0, ...wanted });
    expect(ran?.parent).toBe(server?.spanId);
  });

  test('that is refused says the code, and is an error of the server only if it is', async () => {
    const { collector, running } = await traced();
    await ask(url(running), { inputs: [] });
    await ask(`${running.entry}/v2/models/other/infer`, BODY);
    const failure = clientOf(running.entryGrpc, INFERENCE).call('ModelInfer', digits({ inputs: [] }));
    await expect(failure).rejects.toThrow();
    await ask(`${running.entry}/v2/models/m/versions/v9/infer`, BODY);
    await collector.found(() => collector.spans.filter(isServer).length === 4);
    const told = inOrder(collector.spans)
      .filter(isServer)
      .map(({ status, attributes: { 'error.type': code, ...all } }) => [
        status,
        code,
        all['http.response.status_code'] ?? all['rpc.response.status_code'],
      ]);
    expect(told).toEqual([
      [0, 'MISSING_INPUT', 400],
      [0, 'MODEL_NOT_FOUND', 404],
      [0, 'MISSING_INPUT', 'INVALID_ARGUMENT'],
      [0, 'VERSION_NOT_FOUND', 404],
    ]);
    expect(collector.named('run')).toEqual([]);
  });

  test('before the model is there is an error of the server', async () => {
    const { collector, running } = await traced({ load: false });
    await ask(url(running), BODY);
    const [server] = await collector.found(isServer);
    expect(server).toMatchObject({ status: 2, attributes: { 'error.type': 'NOT_READY' } });
  });
});

test('requests that were run together each have the size of their run', async () => {
  const { collector, running } = await traced({ serving: { batching: { maxBatchSize: 6, maxDelayMs: 20_000 } } });
  const two = { inputs: [{ ...INPUT, shape: [2, 64], data: [...ROW, ...ROW] }] };
  // Merged runs are first held against runs alone; that is no part of what is looked at.
  await Promise.all([BODY, two, BODY, two].map((body) => ask(url(running), body)));
  await collector.found(() => collector.named('run').length === 4);
  const items = collector.named('run').map(({ attributes }) => attributes);
  const own = items.map((each) => each['modelship.items'] as number);
  expect(own.toSorted()).toEqual([1, 1, 2, 2]);
  expect(items.map((each) => each['modelship.batch.items'])).toEqual([6, 6, 6, 6]);
});

test('an answer from the cache says so, and has no run', async () => {
  const { collector, running } = await traced({ serving: { cache: { sizeBytes: 1e6, ttlMs: 60_000 } } });
  for (let i = 0; i < 2; i++) await ask(url(running), BODY);
  await collector.found(() => collector.spans.filter(isServer).length === 2);
  const from = inOrder(collector.spans.filter(isServer)).map(({ attributes }) => attributes['modelship.answer.from']);
  expect(from).toEqual(['run', 'cache']);
  expect(collector.named('run')).toHaveLength(1);
});

test('reading that takes long is a span; health, metrics, metadata and the admin door are none', async () => {
  const { collector, running } = await traced();
  const many = Array.from({ length: 2_000 }, () => ROW).flat();
  for (const path of ['/v2/health/ready', '/v2/models/m', '/v2/models/m/ready', '/v2/repository/index', '/ping'])
    await ask(`${running.entry}${path}`);
  for (const path of ['/readyz', '/livez', '/metrics', '/modelship/report']) await ask(`${running.admin}${path}`);
  await clientOf(running.entryGrpc, INFERENCE).call('ModelMetadata', { name: 'm' });
  await ask(url(running), { inputs: [{ ...INPUT, shape: [2_000, 64], data: many }] });
  const [server, decode] = await collector.found(isServer, ({ name }) => name === 'decode');
  expect(decode?.parent).toBe(server?.spanId);
  await running.server.close(0);
  expect(collector.spans.filter(isServer)).toHaveLength(1);
});

test('what nobody foresaw is in the log with its trace', async () => {
  const { running } = await traced();
  const { loaded } = running.server.own;
  Object.assign(loaded?.runner ?? {}, { submit: () => Promise.reject(new Error('a defect')) });
  await ask(url(running), BODY, { headers: { traceparent: traceparent() } });
  expect(running.warnings.map((line) => JSON.parse(line))).toMatchObject([
    { trace_id: TRACE, msg: 'unforeseen failure' },
  ]);
});

async function binary({ entry }: Running): Promise<void> {
  const raw = Buffer.from(Float32Array.from(ROW).buffer);
  const { data: _, ...head } = INPUT;
  const json = Buffer.from(JSON.stringify({ inputs: [{ ...head, parameters: { binary_data_size: raw.length } }] }));
  const headers = {
    'inference-header-content-length': String(json.length),
    'content-type': 'application/octet-stream',
  };
  const { status } = await ask(`${entry}/v2/models/m/infer`, Buffer.concat([json, raw]), { headers });
  expect(status).toBe(200);
}

function streamed(address: string): Promise<unknown> {
  const stream = clientOf(address, INFERENCE).raw.ModelStreamInfer();
  stream.end(digits());
  return new Promise((resolve) => stream.on('data', (message: Message) => resolve(message)));
}
