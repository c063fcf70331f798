import { describe, expect, test } from 'vitest';
import { REQUEST_ERRORS, type RequestErrorCode } from '../../runtime/errors.ts';
import type { Datatype } from '../../runtime/protocol/datatypes.ts';
import { readInferRequest } from '../../runtime/protocol/json-request.ts';
import type { Signature } from '../../runtime/protocol/signature.ts';
import { infer, run } from './harness.ts';
import { onnx } from './onnx-builder.ts';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'k', datatype: 'INT8', shape: [1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'j', datatype: 'INT8', shape: [1] },
  ],
};

const GOOD_X = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
const GOOD_K = { name: 'k', datatype: 'INT8', shape: [1], data: [7] };

const withX = (changes: object) => ({ inputs: [{ ...GOOD_X, ...changes }, GOOD_K] });
const withK = (changes: object) => ({ inputs: [GOOD_X, { ...GOOD_K, ...changes }] });
const withAll = (changes: object) => ({ inputs: [GOOD_X, GOOD_K], ...changes });

type Row = [why: string, body: unknown, code: RequestErrorCode, says: string[]];

const ROWS: Row[] = [
  ['no body', '', 'MALFORMED_JSON', ['empty']],
  ['no JSON', '{"inputs":', 'MALFORMED_JSON', ['not JSON']],
  ['a bare Infinity', '{"inputs":[Infinity]}', 'MALFORMED_JSON', ['"Infinity"']],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'MALFORMED_JSON', ['UTF-8']],
  ['an array', [], 'INVALID_REQUEST', ['JSON object', 'an array']],
  ['null', 'null', 'INVALID_REQUEST', ['JSON object']],
  ['a numeric id', withAll({ id: 7 }), 'INVALID_REQUEST', ["'id'", 'string', '7']],
  ['no inputs', {}, 'INVALID_REQUEST', ["'inputs'", 'array']],
  ['inputs that are an object', { inputs: {} }, 'INVALID_REQUEST', ['an object', 'array of tensors']],
  ['an input that is null', { inputs: [null] }, 'INVALID_REQUEST', ['inputs[0]', 'null']],
  ['an input without a name', { inputs: [{}] }, 'INVALID_REQUEST', ['inputs[0]', 'name']],
  ['parameters that are a string', withAll({ parameters: 'a' }), 'INVALID_REQUEST', ["'parameters'"]],
  [
    'data in shared memory',
    withX({ parameters: { shared_memory_region: 'r' } }),
    'INVALID_REQUEST',
    ["'x'", 'shared memory', 'not offered'],
  ],
  [
    'a fraction of a class',
    withAll({ outputs: [{ name: 'y', parameters: { classification: 1.5 } }] }),
    'INVALID_REQUEST',
    ["'classification'", "'y'", '1.5'],
  ],
  [
    'a wish for binary outputs that is a word',
    withAll({ parameters: { binary_data_output: 'yes' } }),
    'INVALID_REQUEST',
    ["'binary_data_output'", 'the request', '"yes"'],
  ],
  ['a missing input', { inputs: [GOOD_X] }, 'MISSING_INPUT', ["'k'", 'INT8 [1]']],
  ['an extra input', withAll({ inputs: [GOOD_X, GOOD_K, { name: 'z' }] }), 'UNKNOWN_INPUT', ["'z'", "'x', 'k'"]],
  ['an input of another case', { inputs: [{ ...GOOD_X, name: 'X' }, GOOD_K] }, 'UNKNOWN_INPUT', ["'X'", "'x', 'k'"]],
  ['an input twice', { inputs: [GOOD_X, GOOD_X, GOOD_K] }, 'DUPLICATE_INPUT', ["'x'", 'twice']],
  ['outputs that are a string', withAll({ outputs: 'y' }), 'INVALID_REQUEST', ["'outputs'", 'array']],
  ['an output without a name', withAll({ outputs: ['y'] }), 'INVALID_REQUEST', ['outputs[0]', "'name'"]],
  ['an unknown output', withAll({ outputs: [{ name: 'q' }] }), 'UNKNOWN_OUTPUT', ["'q'", "'y', 'j'"]],
  ['an output twice', withAll({ outputs: [{ name: 'y' }, { name: 'y' }] }), 'INVALID_REQUEST', ["'y'", 'twice']],
  ['no datatype', withX({ datatype: undefined }), 'INPUT_DATATYPE', ["'x'", 'no datatype', 'FP32 [-1,2]']],
  ['another datatype', withX({ datatype: 'FP64' }), 'INPUT_DATATYPE', ["'x'", 'FP64', 'FP32 [-1,2]']],
  ['an unknown datatype', withX({ datatype: 'float32' }), 'INPUT_DATATYPE', ["'x'", '"float32"', 'FP32 [-1,2]']],
  ['no shape', withX({ shape: undefined }), 'INPUT_SHAPE', ["'x'", 'no shape', 'FP32 [-1,2]']],
  ['a shape that is a number', withX({ shape: 2 }), 'INPUT_SHAPE', ["'x'", '2', 'no array']],
  ['another rank', withX({ shape: [2] }), 'INPUT_SHAPE', ["'x'", '[2]', 'FP32 [-1,2]']],
  ['another fixed dimension', withX({ shape: [1, 3] }), 'INPUT_SHAPE', ["'x'", '[1,3]', 'FP32 [-1,2]']],
  ['a negative dimension', withX({ shape: [-1, 2] }), 'INPUT_SHAPE', ["'x'", '-1', 'no size']],
  ['a fraction of a dimension', withX({ shape: [1.5, 2] }), 'INPUT_SHAPE', ["'x'", '1.5']],
  ['a dimension in quotes', withX({ shape: ['1', 2] }), 'INPUT_SHAPE', ["'x'", '"1"']],
  ['a dimension of null', withX({ shape: [null, 2] }), 'INPUT_SHAPE', ["'x'", 'null']],
  ['an immense dimension', withX({ shape: [2 ** 53 - 1, 2] }), 'INPUT_SHAPE', ["'x'", 'too large']],
  [
    'a dimension beyond all numbers',
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1e400,2],"data":[]}]}',
    'INPUT_SHAPE',
    ["'x'"],
  ],
  ['a hundred dimensions', withX({ shape: new Array(100).fill(1) }), 'INPUT_SHAPE', ["'x'", '100 dimensions']],
  ['a shape that the data does not fill', withX({ shape: [1e9, 2] }), 'INPUT_DATA', ["'x'", '2 values', '2000000000']],
  [
    'a shape that rows do not fill, which asks for no memory',
    withX({ shape: [2 ** 45, 2], data: [[1, 2]] }),
    'INPUT_DATA',
    ["'x'", '1 entries'],
  ],
  ['too few values', withX({ shape: [2, 2], data: [1, 2, 3] }), 'INPUT_DATA', ["'x'", '3 values', '[2,2]', '4']],
  ['no data', withX({ data: undefined }), 'INPUT_DATA', ["'x'", 'no data', 'FP32 [-1,2]']],
  ['data that are a number', withX({ data: 5 }), 'INPUT_DATA', ["'x'", '5', 'not an array']],
  ['data that are an object', withX({ data: { 0: 1 } }), 'INPUT_DATA', ["'x'", 'an object']],
  [
    'a ragged row',
    withX({ shape: [2, 2], data: [[1, 2], [3]] }),
    'INPUT_DATA',
    ["'x'", 'data[1]', '1 entries', 'wants 2'],
  ],
  [
    'a row too many',
    withX({
      shape: [1, 2],
      data: [
        [1, 2],
        [3, 4],
      ],
    }),
    'INPUT_DATA',
    ["'x'", '2 entries', 'wants 1'],
  ],
  [
    'a value among rows',
    withX({ shape: [2, 2], data: [[1, 2], 3] }),
    'INPUT_DATA',
    ["'x'", 'data[1]', '3, not an array'],
  ],
  ['a row among values', withX({ data: [1, [2]] }), 'INPUT_DATA', ["'x'", 'data[1]', 'an array', 'FP32 takes numbers']],
  ['rows nested too deep', withX({ data: [[[1], [2]]] }), 'INPUT_DATA', ["'x'", 'data[0][0]', 'an array']],
  ['a string among numbers', withX({ data: [1, '2'] }), 'INPUT_DATA', ["'x'", 'data[1]', '"2"', 'FP32 takes numbers']],
  ['null among numbers', withX({ data: [null, 2] }), 'INPUT_DATA', ["'x'", 'data[0]', 'null']],
  ['true among numbers', withX({ data: [[1, true]] }), 'INPUT_DATA', ["'x'", 'data[0][1]', 'true']],
  ['FP32 overflow', withX({ data: [1, 1e39] }), 'INPUT_DATA', ["'x'", 'data[1]', '1e+39', '3.4028235e38']],
  [
    'a number beyond FP64',
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,1e999]},{"name":"k"}]}',
    'INPUT_DATA',
    ["'x'", 'data[1]'],
  ],
  ['an integer too large', withK({ data: [128] }), 'INPUT_DATA', ["'k'", 'data[0]', '128', '-128 to 127']],
  ['an integer too small', withK({ data: [-129] }), 'INPUT_DATA', ["'k'", '-129', '-128 to 127']],
  ['a fraction', withK({ data: [1.5] }), 'INPUT_DATA', ["'k'", '1.5', 'whole numbers']],
  ['NaN for an integer', withK({ data: ['NaN'] }), 'INPUT_DATA', ["'k'", '"NaN"']],
  ['a long string', withK({ data: ['a'.repeat(1e6)] }), 'INPUT_DATA', ["'k'", 'aaa"…']],
];

describe('a request that is refused says what was wrong, where, and what the model takes', () => {
  test.each(ROWS)('%s', (_why, body, code, says) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const read = () => readInferRequest(bytes, SIGNATURE);
    expect(read).toThrow(expect.objectContaining({ code, status: 400 }));
    for (const part of says) expect(read).toThrow(part);
    expect(REQUEST_ERRORS[code]).toBe(400);
  });

  test('messages stay short, whatever was sent', () => {
    const name = 'n'.repeat(1e6);
    const read = () => readInferRequest(Buffer.from(JSON.stringify({ inputs: [{ name }] })), SIGNATURE);
    expect(read).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/s) }));
  });
});

describe('values of other datatypes', () => {
  test.each([
    ['BOOL', 1, 'true and false'],
    ['BOOL', 'true', 'true and false'],
    ['BYTES', 1, 'strings'],
    ['BYTES', 'a\0b', 'U+0000'],
    ['UINT8', -1, '0 to 255'],
    ['UINT8', 256, '0 to 255'],
    ['INT16', 32768, '-32768 to 32767'],
    ['UINT32', 4294967296, '0 to 4294967295'],
    ['INT32', 2147483648, '-2147483648 to 2147483647'],
    ['FP16', 65520, '65504'],
    ['FP16', -1e9, '65504'],
  ] as const)('%s refuses %j', (datatype, value, says) => {
    expect(() => readOne(datatype, JSON.stringify(value))).toThrow(says);
  });

  test.each([
    ['INT64', '9223372036854775808', '9223372036854775807'],
    ['INT64', '-9223372036854775809', '-9223372036854775808'],
    ['UINT64', '18446744073709551616', '18446744073709551615'],
    ['UINT64', '-1', '0 to'],
    ['INT64', '1e17', 'written as digits'],
    ['INT64', '1.5', 'whole numbers'],
    ['INT64', '"1"', 'whole numbers'],
  ] as const)('%s refuses %s', (datatype, text, says) => {
    expect(() => readOne(datatype, text)).toThrow(says);
  });

  test('a value nested deeper than any stack, exact integers or not', () => {
    for (const inmost of ['1234567890123456789', '1']) {
      const deep = `${'['.repeat(200_000)}${inmost}${']'.repeat(200_000)}`;
      expect(() => readOne('INT64', deep)).toThrow(expect.objectContaining({ code: 'INPUT_DATA' }));
    }
  });
});

function readOne(datatype: Datatype, text: string): void {
  const body = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1],"data":[${text}]}]}`;
  readInferRequest(Buffer.from(body), { inputs: [{ name: 'x', datatype, shape: [-1] }], outputs: [] });
}

test('what JSON can say with __proto__ changes nothing', () => {
  const body = `{"__proto__":{"inputs":[]},"inputs":[{"__proto__":{"name":"x"}}]}`;
  expect(() => readInferRequest(Buffer.from(body), SIGNATURE)).toThrow(
    expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringContaining('no name') }),
  );
});

test('outputs come in the order in which they are asked for, and id is echoed', async () => {
  const values = SIGNATURE.inputs.map((spec) => ({
    name: spec.name,
    element: spec.datatype,
    shape: spec.shape.map((d) => (d < 0 ? 'n' : d)),
  }));
  const model = onnx({
    inputs: values as never,
    outputs: values.map((value, i) => ({ ...value, name: ['y', 'j'][i] })) as never,
    nodes: [
      { op: 'Identity', inputs: ['x'], outputs: ['y'] },
      { op: 'Identity', inputs: ['k'], outputs: ['j'] },
    ],
  });
  const running = await run({ model });
  const names = async (outputs: unknown) => {
    const reply = await infer(running, withAll({ id: 'a"b', outputs }));
    expect(reply.json.id).toBe('a"b');
    return reply.json.outputs.map((o: { name: string }) => o.name);
  };
  expect(await names(undefined)).toEqual(['y', 'j']);
  expect(await names([])).toEqual(['y', 'j']);
  expect(await names([{ name: 'j' }, { name: 'y', parameters: { anything: true } }])).toEqual(['j', 'y']);
  expect(await names([{ name: 'j' }])).toEqual(['j']);
});
