import { describe, expect, test } from 'vitest';
import type { RequestErrorCode } from '../../../runtime/errors.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import { oipRest } from '../../../runtime/protocol/oip-rest.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';
import { binaryInput, binaryRequest, LENGTH, readAnswer } from './oip.ts';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'k', datatype: 'INT64', shape: [1] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1, 2] },
    { name: 'words', datatype: 'BYTES', shape: [-1] },
  ],
};

const X: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(0.5, Number.NaN) };
const K: Tensor = { name: 'k', datatype: 'INT64', shape: [1], data: BigInt64Array.of(2n ** 60n + 1n) };
const RAW_X = Buffer.from((X.data as Float32Array).buffer);
const RAW_K = Buffer.from((K.data as BigInt64Array).buffer);
const JSON_K = { name: 'k', datatype: 'INT64', shape: [1], data: [7] };

const RESULTS: Tensor[] = [
  { name: 'y', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(0.25, -0) },
  { name: 'words', datatype: 'BYTES', shape: [2], data: ['a', 'ü'] },
];

describe('binary inputs', () => {
  test('all of them, in another order than the model’s', () => {
    const request = binaryRequest({ inputs: [binaryInput(K), binaryInput(X)] }, RAW_K, RAW_X);
    expect(oipRest(request, SIGNATURE).inputs).toEqual([X, K]);
  });

  test('one of them, the other in JSON', () => {
    const request = binaryRequest({ inputs: [JSON_K, binaryInput(X)] }, RAW_X);
    expect(oipRest(request, SIGNATURE).inputs).toEqual([X, { ...K, data: BigInt64Array.of(7n) }]);
  });

  test('none of them, though there is the header', () => {
    const request = binaryRequest({ inputs: [JSON_K, { ...X, data: [1, 2] }] });
    expect(oipRest(request, SIGNATURE).inputs[1]).toEqual({ ...K, data: BigInt64Array.of(7n) });
  });

  test('the content type says nothing then', () => {
    const { headers, body } = binaryRequest({ inputs: [JSON_K, binaryInput(X)] }, RAW_X);
    for (const type of ['application/octet-stream', 'image/png', '']) {
      expect(oipRest({ headers: { ...headers, 'content-type': type }, body }, SIGNATURE).inputs).toHaveLength(2);
    }
  });
});

const good = () => binaryRequest({ inputs: [JSON_K, binaryInput(X)] }, RAW_X);
const withLength = (length: string) => ({ ...good(), headers: { [LENGTH]: length } });
const withX = (changes: object, ...raws: Buffer[]) =>
  binaryRequest({ inputs: [JSON_K, { ...binaryInput(X), ...changes }] }, ...raws);
const withSize = (size: unknown, raw = RAW_X) => withX({ parameters: { binary_data_size: size } }, raw);

describe('a binary request that is refused says what was wrong', () => {
  test.each<[why: string, request: { headers: object; body: Buffer }, code: RequestErrorCode, says: string[]]>([
    ['a head longer than the body', withLength('999999'), 'INVALID_REQUEST', ['999999 bytes of JSON', 'the body has']],
    ['a negative head', withLength('-1'), 'INVALID_REQUEST', [LENGTH, "'-1'"]],
    ['a head that is no number', withLength('0x10'), 'INVALID_REQUEST', ["'0x10'"]],
    ['two heads', withLength('10, 10'), 'INVALID_REQUEST', ["'10, 10'"]],
    ['a head beyond all numbers', withLength('9'.repeat(40)), 'INVALID_REQUEST', [LENGTH]],
    ['an empty head', withLength('0'), 'MALFORMED_JSON', ['empty']],
    ['a head cut in the JSON', withLength('20'), 'MALFORMED_JSON', ['not JSON']],
    ['a size but no head', { headers: {}, body: good().body.subarray(0, -8) }, 'INVALID_REQUEST', ["'x'", LENGTH]],
    ['neither data nor a size', withX({ parameters: {} }, RAW_X), 'INPUT_DATA', ["'x'", 'binary_data_size']],
    ['both data and a size', withX({ data: [1, 2] }, RAW_X), 'INVALID_REQUEST', ["'x'", 'both']],
    ['a size in quotes', withSize('8'), 'INVALID_REQUEST', ["'x'", 'binary_data_size', '"8"']],
    ['a negative size', withSize(-8), 'INVALID_REQUEST', ["'x'", '-8']],
    ['half a byte', withSize(7.5), 'INVALID_REQUEST', ["'x'", '7.5']],
    ['a size beyond the body', withSize(2 ** 40), 'INPUT_DATA', ["'x'", '1099511627776', '8 bytes follow the JSON']],
    ['a size beyond all numbers', withSize(1e300), 'INVALID_REQUEST', ["'x'", '1e+300']],
    ['too short', withX({}, RAW_X.subarray(1)), 'INPUT_DATA', ["'x'", '8', '7 bytes follow']],
    ['bytes that nobody claims', withX({}, RAW_X, Buffer.alloc(3)), 'INVALID_REQUEST', ['11 bytes', 'add up to 8']],
    ['a size that is not the shape’s', withSize(4, RAW_X.subarray(4)), 'INPUT_DATA', ["'x'", '4 bytes', 'are 8']],
    [
      'a shape that the size does not fill',
      withX({ shape: [2 ** 40, 2] }, RAW_X),
      'INPUT_DATA',
      ["'x'", '2199023255552 values'],
    ],
    [
      'bytes of which nobody says what they are',
      { headers: { 'content-type': 'application/octet-stream' }, body: RAW_X },
      'UNSUPPORTED_MEDIA_TYPE',
      ['application/octet-stream', 'send application/json', LENGTH],
    ],
    ['another datatype', withX({ datatype: 'INT64' }, RAW_X), 'INPUT_DATATYPE', ["'x'", 'FP32']],
  ])('%s', (_why, request, code, says) => {
    const read = () => oipRest(request as never, SIGNATURE);
    expect(read).toThrow(expect.objectContaining({ code }));
    for (const part of says) expect(read).toThrow(part);
  });
});

/** What a request with these outputs and parameters is answered. */
function answerTo(changes: object) {
  const { headers, body } = binaryRequest({ id: '7', inputs: [JSON_K, binaryInput(X)], ...changes }, RAW_X);
  const prepared = oipRest({ headers, body }, SIGNATURE);
  const results = prepared.outputs.map((name) => RESULTS.find((each) => each.name === name) as Tensor);
  const written = prepared.write(results, { model: 'm', version: 'v1' });
  const map = new Headers(written.headers);
  return { ...written, map, body: Buffer.from(written.body as string) };
}

describe('outputs', () => {
  test('all in binary, when the request wishes so', () => {
    const { contentType, map, body } = answerTo({ parameters: { binary_data_output: true } });
    expect(contentType).toBe('application/octet-stream');
    const { json, raws } = readAnswer(map, body);
    expect(json).toEqual({
      model_name: 'm',
      model_version: 'v1',
      id: '7',
      outputs: [
        { name: 'y', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } },
        { name: 'words', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 11 } },
      ],
    });
    expect(raws.map((raw) => raw.toString('hex'))).toEqual(['0000803e00000080', '010000006102000000c3bc']);
  });

  test.each([
    ['one output’s wish', { outputs: [{ name: 'words' }, { name: 'y', parameters: { binary_data: true } }] }],
    [
      'one output’s wish against the request’s',
      {
        parameters: { binary_data_output: true },
        outputs: [{ name: 'words', parameters: { binary_data: false } }, { name: 'y' }],
      },
    ],
  ])('%s', (_why, changes) => {
    const { map, body } = answerTo(changes);
    const { json, raws } = readAnswer(map, body);
    expect(json.outputs[0]).toEqual({ name: 'words', datatype: 'BYTES', shape: [2], data: ['a', 'ü'] });
    expect(raws).toEqual([Buffer.from('0000803e00000080', 'hex')]);
  });

  test('in JSON, when nobody wishes otherwise', () => {
    const { contentType, headers, body } = answerTo({});
    expect([contentType, headers]).toEqual(['application/json; charset=utf-8', undefined]);
    expect(JSON.parse(String(body)).outputs[0].data).toEqual([0.25, -0]);
  });

  test('the largest values with their indices', () => {
    const classes = { outputs: [{ name: 'y', parameters: { classification: 1 } }] };
    const { body } = answerTo(classes);
    expect(JSON.parse(String(body)).outputs).toEqual([
      { name: 'y', datatype: 'BYTES', shape: [1, 1], data: ['0.25:0'] },
    ]);
    const binary = answerTo({ ...classes, parameters: { binary_data_output: true } });
    expect(readAnswer(binary.map, binary.body).raws).toEqual([Buffer.from('\x06\0\0\x000.25:0')]);
  });

  test('classes of texts are refused', () => {
    const outputs = [{ name: 'words', parameters: { classification: 1 } }];
    expect(() => answerTo({ outputs })).toThrow("output 'words' is BYTES; 'classification' ranks numbers only");
  });

  test('another model’s answer does not begin with this one’s name', () => {
    const prepared = oipRest(
      { headers: {}, body: Buffer.from(`{"inputs":[${JSON.stringify(JSON_K)}]}`) },
      {
        inputs: [SIGNATURE.inputs[1] as never],
        outputs: [],
      },
    );
    const named = (model: string, version: string) => JSON.parse(prepared.write([], { model, version }).body as string);
    expect(named('a"', '1')).toEqual({ model_name: 'a"', model_version: '1', outputs: [] });
    expect(named('b', '1')).toEqual({ model_name: 'b', model_version: '1', outputs: [] });
    expect(named('b', '2')).toEqual({ model_name: 'b', model_version: '2', outputs: [] });
  });
});
