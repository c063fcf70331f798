import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { ask, infer } from '../harness.ts';
import { identity } from '../onnx-builder.ts';
import { INFER, query, runGraphql, tensor } from './support.ts';

const times = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => one(i)).join(' ');
const running = () => runGraphql({ model: identity('FP32') });

describe('documents that are refused before anything is run', () => {
  const infer = 'infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [1], data: [1]}])';
  const doubling = times(24, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`);
  test.each<[string, string]>([
    ['no GraphQL', 'models'],
    ['cut off', '{ models { name '],
    ['empty selection', '{}'],
    ['a syntax tree in JSON', '{"kind":"Document","definitions":[]}'],
    ['a hostile syntax tree', '{"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query"}]}'],
    ['JSON null', 'null'],
    ['a JSON number', '1'],
    ['an unknown field', '{ passwords }'],
    ['a mutation', 'mutation { infer }'],
    ['a subscription', 'subscription { models }'],
    ['a type definition', 'type A { b: Int }'],
    ['a wrong argument', '{ model(name: 1) { name } }'],
    [
      'a datatype that is none',
      '{ infer(model: "m", inputs: [{name: "x", datatype: FP9, shape: [1], data: [1]}]) { id } }',
    ],
    [
      'an object as data',
      '{ infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [1], data: {a: 1}}]) { id } }',
    ],
    ['no data', '{ infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [1], data: null}]) { id } }'],
    ['too deep', `{ models { ${'versions { '.repeat(40)} name ${'} '.repeat(40)} } }`],
    ['deep and valid otherwise', `{ __type(name: "Query") { ${'ofType { '.repeat(20)} name ${'} '.repeat(20)} } }`],
    ['deep introspection', `{ __schema { types { ${'fields { type { '.repeat(6)} name ${'} } '.repeat(6)} } } }`],
    ['deep lists', `{ infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [1], data: ${'['.repeat(60_000)}`],
    [
      'too many tokens',
      `{ infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [3000], data: [${times(3_000, () => '1')}]}]) { id } }`,
    ],
    ['too many fields', `{ ${times(600, (i) => `a${i}: __typename`)} }`],
    [
      'too much that is never used',
      `{ models { name } } fragment f on Query { ${times(200, () => 'models { name }')} }`,
    ],
    [
      'many fragments inside each other',
      `{ ${times(140, () => '... on Query {')} models { name } ${times(140, () => '}')} }`,
    ],
    ['too many inferences by alias', `{ ${times(17, (i) => `a${i}: ${infer} { id }`)} }`],
    ['too many inferences by fragments', `{ ...f0 } ${doubling} fragment f24 on Query { ${infer} { id } }`],
    ['too many copies of the data', `{ ${infer} { outputs { ${times(33, (i) => `d${i}: data`)} } } }`],
    ['fragments in a circle', 'query { ...a } fragment a on Query { ...b } fragment b on Query { ...a }'],
    ['many fields of one name', `{ ${times(500, () => 'models { name }')} }`],
    ['a text too long', `{ models { name } } #${' '.repeat(70_000)}`],
  ])('%s', async (_what, text) => {
    const there = await running();
    const { status, json, headers } = await query(there, text);
    expect([status, headers.get('modelship-version')]).toEqual([400, 'v1']);
    expect(json.data).toBeUndefined();
    expect(json.errors.length).toBeGreaterThan(0);
    for (const { message, extensions } of json.errors) {
      expect(extensions).toEqual({ code: 'INVALID_REQUEST', status: 400 });
      expect(message.length).toBeLessThan(1_000);
    }
    expect(there.server.report().versions.v1?.answered).toBe(0);
    expect(there.warnings).toEqual([]);
    // Again, now that its parsed form or its refusal may be kept.
    expect((await query(there, text)).status).toBe(400);
  });
});

describe('bodies that are refused', () => {
  test.each<[string, unknown, number, string]>([
    ['empty', '', 400, 'MALFORMED_JSON'],
    ['no JSON', '{', 400, 'MALFORMED_JSON'],
    ['GraphQL itself', '{ models { name } }', 400, 'MALFORMED_JSON'],
    ['a number', '1', 400, 'INVALID_REQUEST'],
    ['a batch', [{ query: '{ models { name } }' }], 400, 'INVALID_REQUEST'],
    ['no query', {}, 400, 'INVALID_REQUEST'],
    ['a query that is none', { query: 1 }, 400, 'INVALID_REQUEST'],
    ['a persisted query', { extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } } }, 400, 'INVALID_REQUEST'],
    ['variables that are none', { query: '{ models { name } }', variables: [1] }, 400, 'INVALID_REQUEST'],
    ['an operation name that is none', { query: '{ models { name } }', operationName: 1 }, 400, 'INVALID_REQUEST'],
    ['an operation that is not there', { query: '{ models { name } }', operationName: 'Q' }, 400, 'INVALID_REQUEST'],
    [
      'two operations and no name',
      { query: 'query A { models { name } } query B { models { name } }' },
      400,
      'INVALID_REQUEST',
    ],
    ['a variable missing', { query: INFER }, 400, 'INVALID_REQUEST'],
    [
      'variables of another type',
      { query: INFER, variables: { inputs: Array(1_000).fill(1) } },
      400,
      'INVALID_REQUEST',
    ],
    ['nested 200,000 deep', `${'['.repeat(200_000)}`, 400, 'MALFORMED_JSON'],
  ])('%s', async (_what, body, status, code) => {
    const there = await running();
    const reply = await ask(`${there.entry}/graphql`, body);
    expect(reply.status).toBe(status);
    for (const { extensions } of reply.json.errors) expect(extensions).toEqual({ code, status });
    expect(there.warnings).toEqual([]);
  });

  test('of another type', async () => {
    const there = await running();
    const reply = await query(there, '{ models { name } }', undefined, { headers: { 'content-type': 'image/png' } });
    expect([reply.status, reply.json.errors[0].extensions.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  test('too large, also once inflated', async () => {
    const there = await runGraphql({ model: identity('FP32'), serving: { limits: { bodyBytes: 10_000 } } });
    const large = JSON.stringify({ query: '{ models { name } }', variables: { a: ' '.repeat(20_000) } });
    for (const [body, headers] of [
      [large, {}],
      [gzipSync(large), { 'content-encoding': 'gzip' }],
    ] as const) {
      const reply = await ask(`${there.entry}/graphql`, body, { headers });
      expect([reply.status, reply.json.errors[0].extensions.code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
  });
});

test('data nested 200,000 deep is refused, and its neighbours are answered', async () => {
  const there = await running();
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const good = JSON.stringify(tensor('FP32', [1], [1]));
  const text = `query ($a: [TensorInput!]!, $b: [TensorInput!]!) {
    a: infer(model: "m", inputs: $a) { id } b: infer(model: "m", inputs: $b) { id } }`;
  const variables = `{"a": [{"name": "x", "datatype": "FP32", "shape": [1], "data": ${deep}}], "b": [${good}]}`;
  const reply = await ask(`${there.entry}/graphql`, `{"query": ${JSON.stringify(text)}, "variables": ${variables}}`);
  expect(reply.status).toBe(200);
  expect(reply.json.data).toEqual({ a: null, b: { id: null } });
  expect(reply.json.errors).toMatchObject([{ path: ['a'], extensions: { code: 'INPUT_DATA', status: 400 } }]);
  expect(there.warnings).toEqual([]);
});

test('one variable used by many inferences may not multiply the body', async () => {
  const there = await runGraphql({ model: identity('FP32'), serving: { limits: { bodyBytes: 10_000 } } });
  const fields = times(4, (i) => `a${i}: infer(model: "m", inputs: $inputs) { id }`);
  const inputs = [tensor('FP32', [1_500], Array(1_500).fill(1))];
  const { json } = await query(there, `query ($inputs: [TensorInput!]!) { ${fields} }`, { inputs });
  expect(Object.values(json.data).filter((one) => one !== null)).toHaveLength(3);
  expect(json.errors).toMatchObject([{ extensions: { code: 'BODY_TOO_LARGE', status: 413 } }]);
});

test('many queries of different text do not pile up, and plain inference goes on', async () => {
  const there = await running();
  for (let i = 0; i < 100; i++) expect((await query(there, `{ a${i}: models { name } }`)).status).toBe(200);
  expect((await infer(there, { inputs: [tensor('FP32', [1], [1])] })).status).toBe(200);
});

test('names of prototypes are only names', async () => {
  const there = await running();
  const body = `{"query": "query Q($__proto__: String) { model(name: \\"__proto__\\") { name } }", "variables": {"__proto__": "a", "constructor": {}}}`;
  const reply = await ask(`${there.entry}/graphql`, body);
  expect(reply.status).toBe(400);
  expect((await query(there, '{ model(name: "__proto__") { name } }')).json).toEqual({ data: { model: null } });
});

describe('variables that a document repeats', () => {
  const repeated = (name: string) => times(900, () => `$${name}`);
  const ones = (count: number) => new Array(count).fill(1);
  test.each<[string, string, object]>([
    [
      'as data',
      `query ($v: TensorData!) { infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [1], data: [${repeated('v')}]}]) { id } }`,
      { v: ones(30_000) },
    ],
    [
      'as texts',
      `query ($v: TensorData!) { infer(model: "m", inputs: [{name: "x", datatype: BYTES, shape: [1], data: [${repeated('v')}]}]) { id } }`,
      { v: 'a'.repeat(30_000) },
    ],
    [
      'as inputs',
      `query ($v: TensorInput!) { infer(model: "m", inputs: [${repeated('v')}]) { id } }`,
      { v: tensor('FP32', [1], ones(30_000)) },
    ],
    [
      'as outputs',
      `query ($i: [TensorInput!]!, $v: String!) { infer(model: "m", inputs: $i, outputs: [${repeated('v')}]) { id } }`,
      { v: 'a'.repeat(30_000), i: [] },
    ],
  ])('%s', async (_what, text, variables) => {
    const there = await running();
    const stringify = vi.spyOn(JSON, 'stringify');
    const { json } = await query(there, text, variables);
    const written = stringify.mock.results.map(({ value }) => String(value).length);
    stringify.mockRestore();
    expect(json.errors[0].extensions).toEqual({ code: 'BODY_TOO_LARGE', status: 413 });
    // The request that was sent is the largest text: none was written out to be measured.
    expect(Math.max(...written)).toBeLessThan(100_000);
  });

  test('an object for a value', async () => {
    const there = await running();
    const { json } = await query(there, INFER, { inputs: [tensor('FP32', [1], [{ a: 1 }])] });
    expect(json.errors[0].message).toContain('data[0] is an object; FP32 takes numbers');
  });

  test('null where none may be is the fault of who sent it', async () => {
    const there = await running();
    const text =
      'query ($a: Int = 1) { infer(model: "m", inputs: [{name: "x", datatype: FP32, shape: [$a], data: [1]}]) { id } }';
    const { json } = await query(there, text, { a: null });
    expect(json.errors[0].extensions).toEqual({ code: 'INVALID_REQUEST', status: 400 });
    expect(there.warnings).toEqual([]);
  });
});
