import { describe, expect, test } from 'vitest';
import { ask, type Reply, type Running, run } from '../harness.ts';
import { addition, identity, onnx } from '../onnx-builder.ts';
import { npy } from './npy.ts';

const serving = { protocols: ['sagemaker'] };
const PAIRS = identity('FP32', ['n', 2]);

/** A classifier of two numbers, and a table of three columns. */
const TWO_OUTPUTS = onnx({
  inputs: [{ name: 'x', element: 'FP32', shape: ['n', 2] }],
  outputs: [
    { name: 'label', element: 'INT64', shape: ['n'] },
    { name: 'scores', element: 'FP32', shape: ['n', 2] },
  ],
  nodes: [
    { op: 'ArgMax', inputs: ['x'], outputs: ['label'], ints: { axis: 1, keepdims: 0 } },
    { op: 'Identity', inputs: ['x'], outputs: ['scores'] },
  ],
});
const TABLE = onnx({
  inputs: [
    { name: 'island', element: 'BYTES', shape: ['n', 1] },
    { name: 'mass', element: 'FP32', shape: ['n', 1] },
    { name: 'year', element: 'INT64', shape: ['n'] },
  ],
  outputs: [
    { name: 'i', element: 'BYTES', shape: ['n', 1] },
    { name: 'm', element: 'FP32', shape: ['n', 1] },
    { name: 'y', element: 'INT64', shape: ['n'] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['island'], outputs: ['i'] },
    { op: 'Identity', inputs: ['mass'], outputs: ['m'] },
    { op: 'Identity', inputs: ['year'], outputs: ['y'] },
  ],
});

const started = (model: Buffer) => run({ model, serving });

function invoke(running: Running, type: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return ask(`${running.entry}/invocations`, body, { headers: { 'content-type': type, ...headers } });
}

const TENSORS = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

describe('application/json', () => {
  test.each<[string, unknown, object]>([
    ['rows', { instances: [[1, 2]] }, { predictions: [[1, 2]] }],
    ['rows by name', { instances: [{ x: [1, 2] }] }, { predictions: [[1, 2]] }],
    ['columns', { inputs: [[1, 2]] }, { outputs: [[1, 2]] }],
    ['columns by name', { inputs: { x: [[1, 2]] } }, { outputs: [[1, 2]] }],
    ['rows alone', [[1, 2]], { predictions: [[1, 2]] }],
    ['tensors', TENSORS, { model_name: 'm', model_version: 'v1', outputs: [{ ...TENSORS.inputs[0], name: 'y' }] }],
    ['tensors after much else', { id: '7', parameters: { note: 'x'.repeat(5_000) }, ...TENSORS }, { id: '7' }],
    ['tensors whose name comes last', { inputs: [{ extra: 1, ...TENSORS.inputs[0] }] }, { model_version: 'v1' }],
  ])('%s', async (_what, body, answer) => {
    const running = await started(PAIRS);
    const reply = await invoke(running, 'application/json', body);
    expect(reply).toMatchObject({ status: 200, json: answer });
    expect(reply.headers.get('content-type')).toContain('application/json');
  });

  test.each([
    ['no form of it', { data: [1] }, 'INVALID_REQUEST'],
    ['a number', '5', 'INVALID_REQUEST'],
    ['nothing', '', 'MALFORMED_JSON'],
    ['another signature', { signature_name: 'x', instances: [[1, 2]] }, 'INVALID_REQUEST'],
    ['a wrong row', { instances: [[1]] }, 'INPUT_SHAPE'],
    ['a wrong tensor', { inputs: [{ name: 'z', datatype: 'FP32', shape: [1], data: [1] }] }, 'UNKNOWN_INPUT'],
  ])('%s is refused', async (_what, body, code) => {
    const running = await started(PAIRS);
    expect(await invoke(running, 'application/json', body)).toMatchObject({ status: 400, json: { code } });
  });
});

describe('application/jsonlines', () => {
  test('a row a line, and a line for each', async () => {
    const running = await started(PAIRS);
    const reply = await invoke(
      running,
      'application/jsonlines',
      '[1, 2.5]\r\n\n{"x": [3, 4]}\n'.replace('{"x": [3, 4]}', '[3, NaN]'),
    );
    expect(reply.text).toBe('[1.0,2.5]\n[3.0,NaN]\n');
    expect(reply.headers.get('content-type')).toContain('application/jsonlines');
    const named = await invoke(running, 'application/jsonlines', '{"x": [1, 2]}\n{"x": [3, 4]}');
    expect(named.text).toBe('[1.0,2.0]\n[3.0,4.0]\n');
  });

  test('what is wrong is told by its line', async () => {
    const running = await started(PAIRS);
    const broken = await invoke(running, 'application/jsonlines', '[1, 2]\n[3,');
    expect(broken.json).toMatchObject({ code: 'MALFORMED_JSON', error: expect.stringMatching(/^line 2: /) });
    const two = await invoke(running, 'application/jsonlines', '[1, 2],[3, 4]');
    expect(two.json.code).toBe('MALFORMED_JSON');
    const empty = await invoke(running, 'application/jsonlines', '\n\n');
    expect(empty.json.code).toBe('INVALID_REQUEST');
  });
});

describe('text/csv', () => {
  const csv = async (model: Buffer, body: string, type = 'text/csv') => invoke(await started(model), type, body);

  test.each<[string, Buffer, string, string]>([
    ['rows of numbers', PAIRS, '1,2\n3.5,-4e-1\n', '1,2\n3.5,-0.4000000059604645\n'],
    ['CRLF, blank lines, no last line end, spaces', PAIRS, '\r\n1, 2\r\n\r\n3 ,4', '1,2\n3,4\n'],
    ['a byte order mark', PAIRS, '\uFEFF1,2\n', '1,2\n'],
    ['quotes', PAIRS, '"1","2"\r\n3,"4"\n"5",6', '1,2\n3,4\n5,6\n'],
    ['words', PAIRS, 'nan,inf\n-Infinity,+inf\nNaN,-inf', 'NaN,Infinity\n-Infinity,Infinity\nNaN,-Infinity\n'],
    ['an input of one dimension', identity('INT64'), '9007199254740993\n-1\n+2', '9007199254740993\n-1\n2\n'],
    ['more dimensions', identity('FP32', ['n', 2, 2]), '1,2,3,4', '1,2,3,4\n'],
    ['a free second dimension', identity('UINT8', ['n', 'm']), '1,2,3\n4,5,6', '1,2,3\n4,5,6\n'],
    ['a free third dimension', identity('INT8', ['n', 2, 'm']), '1,2,3,4', '1,2,3,4\n'],
    ['booleans', identity('BOOL', ['n', 2]), 'true,False\nTRUE,false', 'true,false\ntrue,false\n'],
    [
      'columns for several inputs',
      TABLE,
      'Dream,3750,2007\n"Bis, coe",3.5,2008',
      'Dream,3750,2007\n"Bis, coe",3.5,2008\n',
    ],
    ['text with quotes and line ends', TABLE, '"a ""b""\nc",1,2\r\n"",1,"2"\r\n', '"a ""b""\nc",1,2\n"",1,2\n'],
    ['several outputs', TWO_OUTPUTS, '1,2\n4,3', '1,1,2\n0,4,3\n'],
  ])('%s', async (_what, model, body, answer) => {
    const reply = await csv(model, body);
    expect([reply.status, reply.text]).toEqual([200, answer]);
    expect(reply.headers.get('content-type')).toContain('text/csv');
  });

  test('a header, when the type says so', async () => {
    expect((await csv(PAIRS, 'a,b\n1,2', 'text/csv; header=present')).text).toBe('1,2\n');
    expect((await csv(PAIRS, '1,2\n3,4', 'text/csv;charset=utf-8; header=absent')).text).toBe('1,2\n3,4\n');
  });

  test.each<[string, Buffer, string, string, string]>([
    ['a header', PAIRS, 'a,b\n1,2', 'INPUT_DATA', 'header=present'],
    ['an empty cell', PAIRS, '1,2\n3,', 'INPUT_DATA', 'row 2, column 2 of the CSV (\'x\') is ""'],
    ['hexadecimal', PAIRS, '0x10,2', 'INPUT_DATA', 'row 1, column 1'],
    ['too few cells', PAIRS, '1,2\n3', 'INPUT_SHAPE', 'row 2 of the CSV has 1 cells, not 2'],
    ['semicolons', PAIRS, '1;2', 'INPUT_SHAPE', 'has 1 cells'],
    ['a fraction for a whole number', identity('INT64'), '1.5', 'INPUT_DATA', '"1.5"'],
    ['a number of many digits', identity('INT64'), '9'.repeat(1_000), 'INPUT_DATA', 'INT64 takes'],
    ['out of range', identity('UINT8'), '256', 'INPUT_DATA', '"256"'],
    ['rows for a fixed batch', identity('FP32', [1, 2]), '1,2\n3,4', 'INPUT_SHAPE', '[2,2]'],
    ['nothing', PAIRS, '', 'INVALID_REQUEST', 'no rows'],
    ['a quote that is not closed', PAIRS, '1,2\n"3,4', 'INVALID_REQUEST', 'row 2 of the CSV, cell 1'],
    ['a quote inside of a cell', PAIRS, '1,2"3', 'INVALID_REQUEST', 'cell 2'],
    ['more after a quote', PAIRS, '"1"2,3', 'INVALID_REQUEST', 'follows its closing quote'],
    ['inputs of free width', addition('FP32'), '1,2', '', ''],
    ['columns nobody can tell apart', onnxOfFree(), '1,2', 'INPUT_SHAPE', 'send JSON'],
  ])('%s', async (_what, model, body, code, said) => {
    const reply = await csv(model, body);
    if (code === '') return expect(reply.text).toBe('3\n');
    expect(reply).toMatchObject({ status: 400, json: { code } });
    expect(reply.json.error).toContain(said);
  });

  test('a long line, with and without quotes, in time that grows with its length', async () => {
    const running = await run({ model: identity('FP32', ['n', 'm']), serving });
    for (const cell of ['1', '"1"']) {
      const reply = await invoke(running, 'text/csv', new Array(300_000).fill(cell).join(','));
      expect(reply.text.length).toBe(600_000);
    }
  });
});

function onnxOfFree(): Buffer {
  const inputs = ['a', 'b'].map((name) => ({ name, element: 'FP32' as const, shape: ['n', name] }));
  return onnx({
    inputs,
    outputs: [{ name: 'y', element: 'FP32', shape: ['n', 'a'] }],
    nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
  });
}

describe('.npy', () => {
  async function array(running: Running, body: Buffer, type = 'application/x-npy') {
    const response = await fetch(`${running.entry}/invocations`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { 'content-type': type },
    });
    return { type: response.headers.get('content-type'), bytes: Buffer.from(await response.arrayBuffer()) };
  }

  test.each([1, 2, 3])('version %i, in and out', async (version) => {
    const running = await started(PAIRS);
    for (const type of ['application/x-npy', 'application/octet-stream']) {
      const { type: answered, bytes } = await array(running, npy({ version }), type);
      expect(answered).toBe('application/x-npy');
      expect(bytes.readUInt16LE(8) + 10).toBe(128);
      expect(bytes.toString('latin1', 10, 128).trimEnd()).toBe(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
      );
      expect(bytes.subarray(128)).toEqual(Buffer.from(new Float32Array([1.5, 2]).buffer));
    }
  });

  test.each([
    ['<i8', 'INT64', new BigInt64Array([1n, -1n])],
    ['|u1', 'UINT8', new Uint8Array([1, 255])],
    ['|b1', 'BOOL', new Uint8Array([1, 0])],
    ['<f2', 'FP16', new Uint16Array([0x3c00, 0])],
    ['<f8', 'FP64', new Float64Array([1, 2])],
  ] as const)('%s', async (descr, element, data) => {
    const running = await started(identity(element));
    const sent = npy({ descr, shape: '(2,)', data: new Uint8Array(data.buffer) });
    const { bytes } = await array(running, sent);
    expect(bytes.toString('latin1')).toContain(`{'descr': '${descr}', 'fortran_order': False, 'shape': (2,), }`);
    expect(bytes.subarray(-data.byteLength)).toEqual(Buffer.from(data.buffer));
  });

  test('two outputs: JSON', async () => {
    const running = await started(TWO_OUTPUTS);
    const { bytes } = await array(running, npy());
    expect(JSON.parse(String(bytes))).toEqual({ predictions: [{ label: 1, scores: [1.5, 2] }] });
  });

  test.each<[string, Buffer, string, string]>([
    ['float64 for FP32', npy({ descr: '<f8', data: new Uint8Array(16) }), 'INPUT_DATATYPE', ".astype('<f4')"],
    ['big-endian', npy({ descr: '>f4' }), 'INPUT_DATATYPE', 'big-endian'],
    ['text', npy({ descr: '<U3' }), 'INPUT_DATATYPE', '<U3'],
    ['Fortran order', npy({ fortran: 'True' }), 'INVALID_REQUEST', 'ascontiguousarray'],
    ['another shape', npy({ shape: '(2,)' }), 'INPUT_SHAPE', '[2]'],
    ['too little data', npy({ data: new Uint8Array(7) }), 'INPUT_DATA', '7 bytes'],
    ['too much data', npy({ data: new Uint8Array(9) }), 'INPUT_DATA', '9 bytes'],
    ['a shape that lies', npy({ shape: '(99999999, 2)' }), 'INPUT_DATA', 'bytes'],
    ['a shape that overflows', npy({ shape: `(${'9'.repeat(30)}, 2)` }), 'INVALID_REQUEST', 'too large'],
    [
      'fields',
      npy({ header: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 2), }" }),
      'INVALID_REQUEST',
      'no fields',
    ],
    ['no header', npy({ header: '' }), 'INVALID_REQUEST', "'descr'"],
    ['a header cut off', npy().subarray(0, 30), 'INVALID_REQUEST', 'ends before'],
    ['the magic alone', npy().subarray(0, 6), 'INVALID_REQUEST', 'version undefined'],
    [
      'a header that lies',
      Buffer.concat([Buffer.from('\x93NUMPY\x02\0\xff\xff\xff\xff', 'latin1')]),
      'INVALID_REQUEST',
      '4294967295',
    ],
    ['no .npy', Buffer.from('1,2'), 'INVALID_REQUEST', '\\x93NUMPY'],
  ])('%s is refused', async (_what, body, code, said) => {
    const { bytes } = await array(await started(PAIRS), body);
    const reply = JSON.parse(String(bytes));
    expect(reply.code).toBe(code);
    expect(reply.error).toContain(said);
  });

  test('several inputs are refused', async () => {
    const { bytes } = await array(await started(TABLE), npy());
    expect(JSON.parse(String(bytes)).code).toBe('MISSING_INPUT');
  });
});

describe('binary tensors', () => {
  const json = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }],
    outputs: [{ name: 'y', parameters: { binary_data: true } }],
  });
  const data = Buffer.from(new Float32Array([1.5, 2]).buffer);
  const body = new Uint8Array(Buffer.concat([Buffer.from(json), data]));

  test('by the header', async () => {
    const reply = await fetch(`${(await started(PAIRS)).entry}/invocations`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(json.length) },
    });
    expect(reply.headers.get('content-type')).toBe('application/octet-stream');
    expect(Buffer.from(await reply.arrayBuffer()).subarray(-8)).toEqual(data);
  });

  test("by the type, as SageMaker's Triton containers have it", async () => {
    const type = 'application/vnd.sagemaker-triton.binary+json;json-header-size=';
    const reply = await fetch(`${(await started(PAIRS)).entry}/invocations`, {
      method: 'POST',
      body,
      headers: { 'content-type': type + json.length },
    });
    const answered = reply.headers.get('content-type') as string;
    expect(answered.startsWith(type)).toBe(true);
    const bytes = Buffer.from(await reply.arrayBuffer());
    const head = Number(answered.slice(type.length));
    expect(JSON.parse(bytes.toString('utf8', 0, head)).outputs[0].shape).toEqual([1, 2]);
    expect(bytes.subarray(head)).toEqual(data);
  });

  test('a length that lies', async () => {
    const type = 'application/vnd.sagemaker-triton.binary+json;json-header-size=9999';
    expect(await invoke(await started(PAIRS), type, body)).toMatchObject({
      status: 400,
      json: { code: 'INVALID_REQUEST' },
    });
  });
});

describe('accept', () => {
  const NPY = 'application/x-npy';
  test.each([
    ['application/json', '1,2', 'text/csv', '{"predictions":[[1.0,2.0]]}'],
    ['application/jsonlines', '1,2', 'text/csv', '[1.0,2.0]\n'],
    ['text/csv', '{"instances":[[1,2]]}', 'application/json', '1,2\n'],
    ['text/csv', JSON.stringify(TENSORS), 'application/json', '1,2\n'],
    ['text/csv;q=0.2, application/json', '1,2', 'text/csv', '{"predictions":[[1.0,2.0]]}'],
    ['image/png, text/csv', '{"instances":[[1,2]]}', 'application/json', '1,2\n'],
    ['*/*', '1,2', 'text/csv', '1,2\n'],
    ['', '1,2', 'text/csv', '1,2\n'],
    ['application/json', '{"inputs":[[1,2]]}', 'application/json', '{"outputs":[[1.0,2.0]]}'],
  ])('%s', async (accept, body, type, answer) => {
    expect((await invoke(await started(PAIRS), type, body, { accept })).text).toBe(answer);
  });

  test('what can not be given', async () => {
    const running = await started(TWO_OUTPUTS);
    for (const accept of ['image/png', 'application/json;q=0', NPY]) {
      const reply = await invoke(running, 'application/json', { instances: [[1, 2]] }, { accept });
      expect(reply).toMatchObject({ status: 415, json: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    }
  });
});

test.each(['image/png', 'application/x-protobuf', 'text/html', ';', 'application/octet-stream'])(
  'the type %s is not understood',
  async (type) => {
    const reply = await invoke(await started(PAIRS), type, 'x');
    expect(reply.status).toBe(415);
  },
);
