import { gzipSync } from 'node:zlib';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ask, run } from '../harness.ts';
import { addition, type Element, identity } from '../onnx-builder.ts';
import { INFER, query, runGraphql, tensor } from './support.ts';

test('without the protocol there is nothing at /graphql', async () => {
  const { entry, direct } = await run({ load: false, serving: { protocols: ['rest'] } });
  for (const base of [entry, direct])
    expect((await ask(`${base}/graphql`, { query: '{models{name}}' })).status).toBe(404);
});

describe('what there is', () => {
  test('models, versions, inputs and outputs', async () => {
    const running = await runGraphql({ model: identity('FP32', ['n', 2]) });
    const wanted = `{ name platform inputs { name datatype shape } outputs { name datatype shape }
      versions { name share primary state reason ready digest } }`;
    const { json, headers } = await query(running, `{ models ${wanted} model(name: "m") ${wanted} }`);
    const model = {
      name: 'm',
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
      versions: [
        {
          name: 'v1',
          share: null,
          primary: null,
          state: 'READY',
          reason: null,
          ready: true,
          digest: running.server.own.digest,
        },
      ],
    };
    expect(json).toEqual({ data: { models: [model], model } });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('modelship-version')).toBe('v1');
  });

  test('a name that nobody has is null', async () => {
    const running = await runGraphql({ load: false });
    expect((await query(running, '{ model(name: "other") { name } }')).json).toEqual({ data: { model: null } });
  });

  test('before the model is there: what is known, and coded errors beside it', async () => {
    const running = await runGraphql({ load: false });
    const { json, status } = await query(running, '{ models { name versions { state ready } inputs { name } } }');
    expect(status).toBe(200);
    expect(json.data.models).toEqual([{ name: 'm', versions: [{ state: 'LOADING', ready: false }], inputs: null }]);
    expect(json.errors).toMatchObject([
      { path: ['models', 0, 'inputs'], extensions: { code: 'NOT_READY', status: 503, retryAfter: 1 } },
    ]);
  });

  test('statistics', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    await query(running, INFER, { inputs: [tensor('FP32', [2], [1, 2])] });
    const { json } = await query(
      running,
      `{ statistics { name version inferenceCount executionCount lastInference
        inferenceStats { success { count ns } fail { count } queue { count } computeInput { ns } computeInfer { ns }
          computeOutput { ns } cacheHit { count } cacheMiss { count } }
        batchStats { batchSize computeInfer { count ns } computeInput { ns } computeOutput { ns } } } }`,
    );
    expect(json.errors).toBeUndefined();
    expect(json.data.statistics).toMatchObject([
      { name: 'm', version: 'v1', executionCount: 1, inferenceStats: { success: { count: 1 }, fail: { count: 0 } } },
    ]);
  });

  test('introspection gives the whole schema', async () => {
    const running = await runGraphql({ load: false });
    const { json } = await query(running, getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true }));
    expect(json.errors).toBeUndefined();
    const schema = printSchema(buildClientSchema(json.data));
    for (const part of ['type Model {', 'input TensorInput {', 'scalar TensorData', 'infer('])
      expect(schema).toContain(part);
  });
});

describe('inference', () => {
  test('from variables, with id and chosen outputs', async () => {
    const running = await runGraphql({ model: addition('FP32') });
    const inputs = [tensor('FP32', [2], [1, 2], 'a'), tensor('FP32', [2], [10, 20], 'b')];
    const { json, headers } = await query(running, INFER, { inputs, id: '7', outputs: ['sum'] });
    const outputs = [{ name: 'sum', datatype: 'FP32', shape: [2], data: [11, 22] }];
    expect(json).toEqual({ data: { infer: { modelName: 'm', modelVersion: 'v1', id: '7', outputs } } });
    expect(headers.get('modelship-version')).toBe('v1');
  });

  test('written out in the query, nested, and with a variable inside', async () => {
    const running = await runGraphql({ model: identity('FP32', ['n', 2]) });
    const text = `query ($last: TensorData!) { infer(model: "m", inputs: [
      {name: "x", datatype: FP32, shape: [2, 2], data: [[1, 2.5], [-3e2, $last]]}]) { outputs { data } } }`;
    const { json } = await query(running, text, { last: 4 });
    expect(json).toEqual({ data: { infer: { outputs: [{ data: [1, 2.5, -300, 4] }] } } });
  });

  const cases: [Element, unknown[], unknown[]][] = [
    ['FP32', [0.5, 'NaN', '-Infinity'], [0.5, 'NaN', '-Infinity']],
    ['FP64', [1e20, -0.1, 1e300], [1e20, -0.1, 1e300]],
    ['INT32', [-5, 0, 7], [-5, 0, 7]],
    ['BOOL', [true, false, true], [true, false, true]],
    ['BYTES', ['a', 'ü', ''], ['a', 'ü', '']],
    ['INT64', ['9223372036854775807', 1, '-9223372036854775808'], ['9223372036854775807', '1', '-9223372036854775808']],
    ['UINT64', ['18446744073709551615', 0, '12'], ['18446744073709551615', '0', '12']],
  ];
  test.each(cases)('%s values come back exactly', async (element, sent, back) => {
    const running = await runGraphql({ model: identity(element) });
    const { json } = await query(running, INFER, { inputs: [tensor(element, [3], sent)] });
    expect(json.errors).toBeUndefined();
    expect(json.data.infer.outputs).toEqual([{ name: 'y', datatype: element, shape: [3], data: back }]);
  });

  test('integers beyond 2^53 are exact as numbers too, in variables and in the query', async () => {
    const running = await runGraphql({ model: identity('INT64') });
    const data = '9007199254740993';
    const inQuery = `{ infer(model: "m", inputs: [{name: "x", datatype: INT64, shape: [1], data: [${data}]}]) { outputs { data } } }`;
    const inVariables = `{"query": ${JSON.stringify(INFER)}, "variables": {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [${data}]}]}}`;
    expect((await query(running, inQuery)).json.data.infer.outputs[0].data).toEqual([data]);
    expect((await ask(`${running.entry}/graphql`, inVariables)).json.data.infer.outputs[0].data).toEqual([data]);
  });

  test('several in one operation; a bad one does not spoil the others', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    const one = (shape: string) =>
      `infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: ${shape}, data: [1]}]) { outputs { data } }`;
    const { json, status } = await query(running, `{ a: ${one('[1]')} b: ${one('[2]')} c: ${one('[1]')} }`);
    expect(status).toBe(200);
    expect(json.data).toEqual({ a: { outputs: [{ data: [1] }] }, b: null, c: { outputs: [{ data: [1] }] } });
    expect(json.errors).toMatchObject([
      { path: ['b'], extensions: { code: 'INPUT_DATA', status: 400, version: 'v1' } },
    ]);
  });

  test.each([
    ['another model', { model: 'other' }, 'MODEL_NOT_FOUND', 404],
    ['another version', { version: 'v9' }, 'VERSION_NOT_FOUND', 404],
    ['another input', { input: 'z' }, 'UNKNOWN_INPUT', 400],
    ['another datatype', { datatype: 'INT8' }, 'INPUT_DATATYPE', 400],
    ['another output', { outputs: '["z"]' }, 'UNKNOWN_OUTPUT', 400],
    ['text for numbers', { data: '["a"]' }, 'INPUT_DATA', 400],
  ])('refused as over REST: %s', async (_what, changes, code, status) => {
    const running = await runGraphql({ model: identity('FP32') });
    const {
      model = 'm',
      version,
      input = 'x',
      datatype = 'FP32',
      data = '[1]',
      outputs,
    } = changes as Record<string, string>;
    const more = `${version ? `, version: "${version}"` : ''}${outputs ? `, outputs: ${outputs}` : ''}`;
    const { json } = await query(
      running,
      `{ infer(model: "${model}"${more}, inputs: [{name: "${input}", datatype: ${datatype}, shape: [1], data: ${data}}]) { id } }`,
    );
    expect(json.data).toEqual({ infer: null });
    expect(json.errors).toMatchObject([{ extensions: { code, status } }]);
  });

  test('it is counted as an inference of users', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    await query(running, INFER, { inputs: [tensor('FP32', [1], [1])] });
    await query(running, INFER, { inputs: [tensor('FP32', [9], [1])] });
    await query(running, '{ models { name } }');
    expect(running.server.report().versions.v1).toMatchObject({ answered: 2, refused: 1, errors: 0 });
  });
});

describe('over HTTP', () => {
  test('a GET asks, and never infers', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    const get = (parameters: Record<string, string>) =>
      ask(`${running.entry}/graphql?${new URLSearchParams(parameters)}`);
    const model = 'query ($name: String!) { model(name: $name) { name } }';
    expect((await get({ query: model, variables: '{"name": "m"}' })).json).toEqual({ data: { model: { name: 'm' } } });
    const infer = '{ a: infer(model: "m", inputs: []) { id } }';
    for (const text of [
      infer,
      `query Q { models { name } } query R ${infer}`,
      `query Q { ...f } fragment f on Query ${infer}`,
    ]) {
      const refused = await get({ query: text, operationName: 'Q' });
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
      expect(refused.json.errors).toMatchObject([{ extensions: { code: 'METHOD_NOT_ALLOWED', status: 405 } }]);
    }
  });

  test('other methods are refused', async () => {
    const { entry } = await runGraphql({ load: false });
    const refused = await ask(`${entry}/graphql`, undefined, { method: 'DELETE' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    expect(refused.json.errors).toMatchObject([{ extensions: { code: 'METHOD_NOT_ALLOWED', status: 405 } }]);
  });

  test('the media type of GraphQL over HTTP, if it is asked for', async () => {
    const running = await runGraphql({ load: false });
    const headers = { accept: 'application/graphql-response+json' };
    const reply = await query(running, '{ models { name } }', undefined, { headers });
    expect(reply.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8');
  });

  test('a compressed body', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    const body = gzipSync(JSON.stringify({ query: INFER, variables: { inputs: [tensor('FP32', [1], [1])] } }));
    const reply = await ask(`${running.entry}/graphql`, body, { headers: { 'content-encoding': 'gzip' } });
    expect(reply.json.data.infer.outputs[0].data).toEqual([1]);
  });

  test("headers that speak of the body are the GraphQL request's own", async () => {
    const running = await runGraphql({ model: identity('FP32') });
    const headers = { 'inference-header-content-length': '3', 'content-type': 'text/plain' };
    const { json } = await query(running, INFER, { inputs: [tensor('FP32', [1], [1])] }, { headers });
    expect(json.data.infer.outputs[0].data).toEqual([1]);
  });

  test('the direct door answers too, as its own version only', async () => {
    const running = await runGraphql({ model: identity('FP32') });
    const direct = { ...running, entry: running.direct };
    const variables = { inputs: [tensor('FP32', [1], [1])] };
    expect((await query(direct, INFER, variables)).json.data.infer.modelVersion).toBe('v1');
    const { json } = await query(direct, INFER, { ...variables, version: 'v2' });
    expect(json.errors[0].extensions).toMatchObject({ code: 'MISDIRECTED', status: 421 });
  });
});
