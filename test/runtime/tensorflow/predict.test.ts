import { describe, expect, test } from 'vitest';
import { ask, type Running, run } from '../harness.ts';
import { type Element, identity, onnx } from '../onnx-builder.ts';

const ON = { protocols: ['tensorflow'] };
const PREDICT = '/v1/models/m:predict';

/** Three inputs and outputs, as in the documentation's example. */
const TAGGED = onnx({
  inputs: [
    { name: 'tag', element: 'BYTES', shape: ['n'] },
    { name: 'signal', element: 'FP32', shape: ['n', 5] },
    { name: 'sensor', element: 'INT64', shape: ['n', 2, 2] },
  ],
  outputs: [
    { name: 'tag_out', element: 'BYTES', shape: ['n'] },
    { name: 'signal_out', element: 'FP32', shape: ['n', 5] },
    { name: 'sensor_out', element: 'INT64', shape: ['n', 2, 2] },
  ],
  nodes: ['tag', 'signal', 'sensor'].map((name) => ({ op: 'Identity', inputs: [name], outputs: [`${name}_out`] })),
});

const ROWS = [
  {
    tag: 'foo',
    signal: [1, 2, 3, 4, 5],
    sensor: [
      [1, 2],
      [3, 4],
    ],
  },
  {
    tag: 'bar',
    signal: [3, 4, 1, 2, 5],
    sensor: [
      [4, 5],
      [6, 8],
    ],
  },
];
const COLUMNS = {
  tag: ['foo', 'bar'],
  signal: [
    [1, 2, 3, 4, 5],
    [3, 4, 1, 2, 5],
  ],
  sensor: [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [4, 5],
      [6, 8],
    ],
  ],
};
const out = (fields: object) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${name}_out`, value]));

/** In place of the documentation's half_plus_three. */
const DOUBLE = onnx({
  inputs: [{ name: 'x', element: 'FP32', shape: ['n'] }],
  outputs: [{ name: 'y', element: 'FP32', shape: ['n'] }],
  nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
});

const started = (model: Buffer) => run({ model, serving: ON });
const predict = (running: Running, body: unknown, path = PREDICT) => ask(running.entry + path, body);

describe('requests and answers of the documentation', () => {
  test("a list of scalars, with curl's own content type", async () => {
    const running = await started(DOUBLE);
    const reply = await ask(running.entry + PREDICT, '{"instances": [1.0,2.0,5.0]}', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(reply.text).toBe('{"predictions":[2.0,4.0,10.0]}');
    expect(reply.headers.get('content-type')).toContain('application/json');
    expect(reply.headers.get('modelship-version')).toBe('v1');
  });

  test.each<[string, Element, readonly (number | string)[], unknown]>([
    ['strings', 'BYTES', ['n'], ['foo', 'bar', 'baz']],
    ['two tensors of [1, 2]', 'INT32', ['n', 1, 2], [[[1, 2]], [[3, 4]]]],
    ['booleans', 'BOOL', ['n'], [true, false]],
    ['half floats', 'FP16', ['n'], [0.5, 2]],
    ['unsigned bytes', 'UINT8', ['n', 2], [[0, 255]]],
  ])('%s, in rows and columns', async (_what, element, shape, values) => {
    const running = await started(identity(element, shape));
    expect((await predict(running, { instances: values })).json).toEqual({ predictions: values });
    expect((await predict(running, { inputs: values })).json).toEqual({ outputs: values });
    expect((await predict(running, { inputs: { x: values } })).json).toEqual({ outputs: values });
    const objects = (values as unknown[]).map((x) => ({ x }));
    expect((await predict(running, { instances: objects })).json).toEqual({ predictions: values });
  });

  test('several inputs and outputs: objects by row, one object by column', async () => {
    const running = await started(TAGGED);
    expect((await predict(running, { instances: ROWS })).json).toEqual({ predictions: ROWS.map(out) });
    expect((await predict(running, { inputs: COLUMNS })).json).toEqual({ outputs: out(COLUMNS) });
  });

  test('a scalar, by column', async () => {
    const running = await started(identity('FP32', []));
    expect((await predict(running, { inputs: 1.5 })).json).toEqual({ outputs: 1.5 });
  });

  test('signature_name: the default one, or none', async () => {
    const running = await started(DOUBLE);
    for (const signature_name of ['serving_default', '', undefined]) {
      expect((await predict(running, { signature_name, instances: [1.5] })).json).toEqual({ predictions: [3] });
    }
    const reply = await predict(running, { signature_name: 'other', instances: [1] });
    expect(reply).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
    expect(reply.json.error).toContain("'serving_default'");
  });

  test('an error says it under `error`, and its code', async () => {
    const { json, status } = await predict(await started(DOUBLE), { instances: ['a'] });
    expect([status, Object.keys(json), json.code]).toEqual([400, ['error', 'code'], 'INPUT_DATA']);
  });
});

describe('values', () => {
  test('NaN and infinities are bare words both ways; strings mean them too', async () => {
    const running = await started(identity('FP32'));
    const said = '{"predictions":[NaN,Infinity,-Infinity,-0.0,1e+30,0.5]}';
    for (const body of [
      '{"instances": [NaN, Infinity, -Infinity, -0.0, 1e30, 0.5]}',
      '{"instances": ["NaN", "Infinity", "-Infinity", -0.0, 1e30, 0.5]}',
      '{"note": "NaN \\" Inf", "instances": [NaN, Inf, -Inf, -0.0, 1e30, 0.5]}',
    ]) {
      expect((await predict(running, body)).text.replace('1.0000000150474662e+30', '1e+30')).toBe(said);
    }
  });

  test('a bare word is no text, and no whole number', async () => {
    for (const element of ['BYTES', 'INT32', 'INT64', 'BOOL'] as const) {
      const reply = await predict(await started(identity(element)), '{"instances": [NaN]}');
      expect(reply).toMatchObject({ status: 400, json: { code: 'INPUT_DATA' } });
    }
  });

  test('strings as base64, in; out where the name ends in _bytes', async () => {
    const model = onnx({
      inputs: [{ name: 'image', element: 'BYTES', shape: ['n'] }],
      outputs: [
        { name: 'plain', element: 'BYTES', shape: ['n'] },
        { name: 'image_bytes', element: 'BYTES', shape: ['n'] },
      ],
      nodes: [
        { op: 'Identity', inputs: ['image'], outputs: ['plain'] },
        { op: 'Identity', inputs: ['image'], outputs: ['image_bytes'] },
      ],
    });
    const running = await started(model);
    const predictions = [
      { plain: 'image bytes', image_bytes: { b64: 'aW1hZ2UgYnl0ZXM=' } },
      { plain: 'ü', image_bytes: { b64: 'w7w=' } },
    ];
    for (const instances of [
      [{ b64: 'aW1hZ2UgYnl0ZXM=' }, 'ü'],
      [{ image: { b64: 'aW1hZ2UgYnl0ZXM' } }, { image: { b64: 'w7w=' } }],
    ]) {
      expect((await predict(running, { instances })).json).toEqual({ predictions });
    }
    const outputs = { plain: ['a'], image_bytes: [{ b64: 'YQ==' }] };
    expect((await predict(running, { inputs: { image: [{ b64: 'YQ==' }] } })).json).toEqual({ outputs });
    for (const b64 of ['!!', '/w==', 'AA==']) {
      const reply = await predict(running, { instances: ['a', { b64 }] });
      expect(reply).toMatchObject({ status: 400, json: { code: 'INPUT_DATA' } });
      expect(reply.json.error).toContain('instances[1] is an object');
    }
  });

  test('64-bit integers are exact', async () => {
    const running = await started(identity('INT64'));
    const text = '[9007199254740993,-9223372036854775808]';
    expect((await predict(running, `{"instances":${text}}`)).text).toBe(`{"predictions":${text}}`);
  });
});

describe('what is refused, and where', () => {
  const FREE = identity('FP32', ['n', 'm']);
  const FIXED = identity('FP32', [1, 2]);
  test.each<[string, Buffer, unknown, string, string]>([
    ['neither', FREE, {}, 'INVALID_REQUEST', "neither 'instances'"],
    ['both', FREE, { instances: [[1]], inputs: [[1]] }, 'INVALID_REQUEST', 'not both'],
    ['no rows', FREE, { instances: [] }, 'INVALID_REQUEST', 'empty'],
    ['rows that are no list', FREE, { instances: 5 }, 'INVALID_REQUEST', "'instances' must be an array"],
    ['no object', FREE, '[1]', 'INVALID_REQUEST', 'an array'],
    ['no JSON', FREE, '{"instances": [', 'MALFORMED_JSON', 'not JSON'],
    ['ragged rows', FREE, { instances: [[1, 2], [3]] }, 'INPUT_SHAPE', 'instances[1] has 1 entries, not 2'],
    ['a value among rows', FREE, { instances: [[1, 2], 3] }, 'INPUT_SHAPE', 'instances[1] is 3, not an array'],
    ['a row among values', FREE, { inputs: { x: [[1], [[2]]] } }, 'INPUT_DATA', 'inputs.x[1][0] is an array'],
    ['a null', FREE, { instances: [[1, null]] }, 'INPUT_DATA', 'instances[0][1] is null'],
    ['a number too large', FREE, { instances: [[1], [1e39]] }, 'INPUT_DATA', 'instances[1][0] is 1e+39'],
    ['an object among values', FREE, { instances: [[1], { x: [1] }] }, 'INVALID_REQUEST', 'instances[1] is an object'],
    ['too few dimensions', FREE, { instances: [1] }, 'INPUT_SHAPE', 'has the shape [1]'],
    [
      'too many rows for a fixed batch',
      FIXED,
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      'INPUT_SHAPE',
      'FP32 [1,2]',
    ],
    ['a name that is none', FREE, { instances: [{ x: [1], z: 1 }] }, 'UNKNOWN_INPUT', "instances[0] has 'z'"],
    ['bare values for three inputs', TAGGED, { instances: [1] }, 'MISSING_INPUT', '3 inputs'],
    ['bare columns for three inputs', TAGGED, { inputs: [1] }, 'MISSING_INPUT', '3 inputs'],
    [
      'an input left out of a row',
      TAGGED,
      { instances: [ROWS[0], { tag: 'a' }] },
      'MISSING_INPUT',
      "instances[1] has no 'signal'",
    ],
    [
      'an input left out of the columns',
      TAGGED,
      { inputs: { tag: ['a'] } },
      'MISSING_INPUT',
      "'inputs' has no 'signal'",
    ],
    ['base64 for numbers', FREE, { inputs: { x: { b64: 'AA==' } } }, 'INPUT_SHAPE', 'FP32 [-1,-1]'],
  ])('%s', async (_what, model, body, code, said) => {
    const running = await started(model);
    const reply = await predict(running, body);
    expect(reply).toMatchObject({ status: 400, json: { code } });
    expect(reply.json.error).toContain(said);
  });

  test('outputs that do not agree in dimension 0, by row; by column they come', async () => {
    const model = onnx({
      inputs: [{ name: 'x', element: 'FP32', shape: ['n', 2] }],
      outputs: [
        { name: 'y', element: 'FP32', shape: ['n', 2] },
        { name: 's', element: 'INT64', shape: [2] },
        { name: 'most', element: 'FP32', shape: [] },
      ],
      nodes: [
        { op: 'Identity', inputs: ['x'], outputs: ['y'] },
        { op: 'Shape', inputs: ['x'], outputs: ['s'] },
        { op: 'ReduceMax', inputs: ['x'], outputs: ['most'], ints: { keepdims: 0 } },
      ],
    });
    const running = await started(model);
    const rows = await predict(running, {
      instances: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    });
    expect(rows).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
    expect(rows.json.error).toContain("'y' [3,2], 's' [2], 'most' []");
    const columns = await predict(running, { inputs: [[1, 2]] });
    expect(columns.json).toEqual({ outputs: { y: [[1, 2]], s: [1, 2], most: 2 } });
  });
});

test('empty dimensions', async () => {
  const running = await started(identity('FP32', ['n', 'm']));
  expect((await predict(running, { instances: [[], []] })).json).toEqual({ predictions: [[], []] });
  expect((await predict(running, { inputs: [[], []] })).json).toEqual({ outputs: [[], []] });
  expect(await predict(running, { inputs: [] })).toMatchObject({ status: 400, json: { code: 'INPUT_SHAPE' } });
});

test('it is there only when the spec says so', async () => {
  const { entry } = await run({ model: DOUBLE });
  for (const path of ['/v1/models/m', '/v1/models/m/metadata']) expect((await ask(entry + path)).status).toBe(404);
  expect(await ask(entry + PREDICT, { instances: [1] })).toMatchObject({
    status: 404,
    json: { code: 'ROUTE_NOT_FOUND' },
  });
});
