import { describe, expect, test } from 'vitest';
import { ask, run } from '../harness.ts';
import { onnx } from '../onnx-builder.ts';

const serving = { protocols: ['tensorflow'] };

const REGRESSION = onnx({
  inputs: [{ name: 'x', element: 'FP32', shape: ['n', 1] }],
  outputs: [{ name: 'y', element: 'FP32', shape: ['n', 1] }],
  nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
});
const LABELLED = onnx({
  inputs: [
    { name: 'sensor', element: 'FP32', shape: ['n', 2] },
    { name: 'names', element: 'BYTES', shape: ['n', 2] },
  ],
  outputs: [
    { name: 'scores', element: 'FP32', shape: ['n', 2] },
    { name: 'classes', element: 'BYTES', shape: ['n', 2] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['sensor'], outputs: ['scores'] },
    { op: 'Identity', inputs: ['names'], outputs: ['classes'] },
  ],
});
const MATRIX = onnx({
  inputs: [{ name: 'x', element: 'FP32', shape: ['n', 2, 2] }],
  outputs: [{ name: 'y', element: 'FP32', shape: ['n', 4] }],
  nodes: [{ op: 'Flatten', inputs: ['x'], outputs: ['y'] }],
});

describe('regress', () => {
  test("the documentation's request", async () => {
    const { entry } = await run({ model: REGRESSION, serving });
    const reply = await ask(`${entry}/v1/models/m:regress`, { examples: [{ x: 1.0 }, { x: [2.0] }] });
    expect(reply.text).toBe('{"results":[2.0,4.0]}');
  });

  test('what is common to all examples', async () => {
    const { entry } = await run({ model: REGRESSION, serving });
    const at = (body: object) => ask(`${entry}/v1/models/m:regress`, body);
    expect((await at({ context: { x: 3 }, examples: [{}, {}] })).json).toEqual({ results: [6, 6] });
    expect((await at({ context: { x: 3 }, examples: [{ x: 1 }] })).json.code).toBe('DUPLICATE_INPUT');
    expect((await at({ context: 5, examples: [{ x: 1 }] })).json.code).toBe('INVALID_REQUEST');
    expect((await at({ examples: [{}] })).json.code).toBe('MISSING_INPUT');
    expect((await at({ examples: [] })).json.code).toBe('INVALID_REQUEST');
    expect((await at({ examples: [5] })).json.code).toBe('INVALID_REQUEST');
    expect((await at({})).json.code).toBe('INVALID_REQUEST');
    expect((await at({ examples: [{ x: [1, 2] }] })).json.code).toBe('INPUT_SHAPE');
    expect((await at({ examples: [{ x: 1, ['__proto__']: 1 }] })).json.code).toBe('UNKNOWN_INPUT');
  });
});

describe('classify', () => {
  test('labels where the model gives them', async () => {
    const { entry } = await run({ model: LABELLED, serving });
    const examples = [
      { sensor: [0.25, 0.75], names: ['cat', 'dog'] },
      { sensor: [1, 0], names: ['cat', { b64: 'ZG9n' }] },
    ];
    const { text } = await ask(`${entry}/v1/models/m:classify`, { examples });
    expect(text).toBe('{"results":[[["cat",0.25],["dog",0.75]],[["cat",1.0],["dog",0.0]]]}');
  });

  test('empty labels where it does not', async () => {
    const { entry } = await run({ serving });
    const { json } = await ask(`${entry}/v1/models/m:classify`, { examples: [{ image: new Array(64).fill(1) }] });
    expect(json.results).toEqual([Array.from({ length: 10 }, () => ['', expect.any(Number)])]);
  });
});

test('a flat list is nested as the model wants it', async () => {
  const { entry } = await run({ model: MATRIX, serving });
  const at = (x: unknown) => ask(`${entry}/v1/models/m:classify`, { examples: [{ x }, { x }] });
  const scores = [5, 6, 7, 8].map((score) => ['', score]);
  expect((await at([5, 6, 7, 8])).json).toEqual({ results: [scores, scores] });
  expect((await at([1, 2, 3])).json.code).toBe('INPUT_SHAPE');
});

test.each([
  ['regress', MATRIX],
  ['regress', LABELLED],
])('a model that does not say what is meant by :%s', async (verb, model) => {
  const { entry } = await run({ model, serving });
  const reply = await ask(`${entry}/v1/models/m:${verb}`, { examples: [{ x: 1 }] });
  expect(reply).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
  expect(reply.json.error).toContain('use :predict');
});

describe('a context that would be written out too often', () => {
  const many = new Array(3_000).fill({});
  const names = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`k${i}`, 1]));
  test.each<[string, object, object[]]>([
    ['values', { image: new Array(64).fill(1) }, new Array(70_000).fill({})],
    ['names', names, many],
    ['nested values', { image: new Array(50).fill(new Array(50).fill(1)) }, many],
    ['a text', { image: { b64: 'A'.repeat(4_000) } }, many],
  ])('%s', async (_what, context, examples) => {
    const { entry } = await run({ serving });
    const { status, json } = await ask(`${entry}/v1/models/m:classify`, { context, examples });
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(json.error).toContain('send fewer examples');
  });
});
