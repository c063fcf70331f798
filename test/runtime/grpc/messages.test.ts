import * as loader from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../runtime/errors.ts';
import { oipGrpc } from '../../../runtime/grpc/infer-codec.ts';
import { readHead } from '../../../runtime/grpc/infer-request.ts';
import { Writer } from '../../../runtime/grpc/writer.ts';
import type { Datatype } from '../../../runtime/protocol/datatypes.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';

/** The other writer and reader of the same messages: protobuf.js. */
const options = { keepCase: true, longs: String, defaults: true, includeDirs: ['runtime/grpc/proto'] };
const service = loader.loadSync('grpc_service.proto', options)['inference.GRPCInferenceService'];
const { ModelInfer } = service as loader.ServiceDefinition;
const serialize = (message: object) => ModelInfer?.requestSerialize(message) as Buffer;
// biome-ignore lint/suspicious/noExplicitAny: a message of a schema read at run time; the test asserts each field that it uses
const deserialize = (bytes: Buffer) => ModelInfer?.responseDeserialize(bytes) as any;

const X: Signature = {
  inputs: [{ name: 'x', datatype: 'INT32', shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'INT32', shape: [-1] }],
};

/** A request with one input, written field by field. */
function written(write: (contents: Writer) => void, shape: number[], datatype: Datatype = 'INT32'): Buffer {
  const writer = new Writer();
  writer.message(5, () => {
    writer.string(1, 'x').string(2, datatype).ints(3, shape);
    writer.message(5, () => write(writer));
  });
  return writer.finish();
}

const of = (datatype: Datatype): Signature => ({ ...X, inputs: [{ name: 'x', datatype, shape: [-1] }] });
const read = (body: Buffer, signature = X) => oipGrpc({ body, headers: {} }, signature).inputs[0]?.data;

describe('what protobuf allows and writers seldom do', () => {
  test('values that are not packed, or packed in parts', () => {
    const parts = written((contents) => void contents.int(2, -1).ints(2, [2, 3]).int(2, 4), [4]);
    expect(read(parts)).toEqual(Int32Array.of(-1, 2, 3, 4));
    const floats = written((contents) => void contents.float(6, 0.5).float(6, 2), [2], 'FP32');
    expect(read(floats, of('FP32'))).toEqual(Float32Array.of(0.5, 2));
    const doubles = written((contents) => void contents.double(7, 0.1).bytes(7, Buffer.alloc(8)), [2], 'FP64');
    expect(read(doubles, of('FP64'))).toEqual(Float64Array.of(0.1, 0));
  });

  test('fields that are not known are skipped, wherever they are', () => {
    const unknown = (writer: Writer) =>
      writer
        .uint(900, 2 ** 40)
        .double(901, 1)
        .float(902, 1)
        .string(903, 'x');
    const writer = new Writer();
    unknown(writer).message(5, () => {
      unknown(writer).string(1, 'x').string(2, 'INT32').int(3, 1);
      writer.message(5, () => unknown(writer).ints(2, [7]));
    });
    expect(read(unknown(writer).finish())).toEqual(Int32Array.of(7));
  });

  test('the last of a field that comes twice', () => {
    const writer = new Writer().string(1, 'a').string(1, 'b').string(2, 'v1').string(2, 'v2').string(3, 'c');
    expect(readHead(writer.finish())).toEqual({ model: 'b', version: 'v2', id: 'c' });
  });

  test('varints of ten bytes', () => {
    const long = Buffer.from([0x12, 10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
    expect(read(written((contents) => void contents.raw(long), [1]))).toEqual(Int32Array.of(1));
  });
});

function refusal(body: Buffer, signature = X): { code: string; message: string } {
  try {
    oipGrpc({ body, headers: {} }, signature);
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError);
    const { code, message } = error as RequestError;
    return { code, message };
  }
  throw new Error('it was taken');
}

const int32 = (values: number[], changes: object = {}) => ({
  name: 'x',
  datatype: 'INT32',
  shape: [values.length],
  contents: { int_contents: values },
  ...changes,
});

describe('requests that are refused', () => {
  const raw = Buffer.alloc(8);
  const cases: [string, Buffer, string, RegExp][] = [
    [
      'contents and raw contents',
      serialize({ inputs: [int32([1, 2])], raw_input_contents: [raw] }),
      'INVALID_REQUEST',
      /input 'x' has contents, and .* raw_input_contents too/,
    ],
    [
      'more raw contents than inputs',
      serialize({ inputs: [int32([])], raw_input_contents: [raw, raw] }),
      'INVALID_REQUEST',
      /more than 1 raw_input_contents for 1/,
    ],
    [
      'raw contents and no input',
      serialize({ raw_input_contents: [raw] }),
      'INVALID_REQUEST',
      /1 raw_input_contents for 0 inputs/,
    ],
    [
      'raw contents of another size',
      serialize({ inputs: [int32([], { shape: [3] })], raw_input_contents: [raw] }),
      'INPUT_DATA',
      /input 'x': .* 8 bytes, but 3 values of INT32 are 12/,
    ],
    [
      'less values than the shape',
      serialize({ inputs: [int32([1], { shape: [2] })] }),
      'INPUT_DATA',
      /int_contents has 1 values, but its shape holds 2/,
    ],
    ['a shape of petabytes', serialize({ inputs: [int32([1], { shape: [2 ** 50] })] }), 'INPUT_DATA', /has 1 values/],
    [
      'a shape that overflows',
      serialize({ inputs: [int32([1], { shape: ['9223372036854775807'] })] }),
      'INPUT_SHAPE',
      /no size/,
    ],
    ['a negative dimension', serialize({ inputs: [int32([1], { shape: [-1] })] }), 'INPUT_SHAPE', /dimension -1/],
    [
      'another rank',
      serialize({ inputs: [int32([1], { shape: [1, 1] })] }),
      'INPUT_SHAPE',
      /shape \[1,1\]; the model takes INT32 \[-1\]/,
    ],
    [
      'hundreds of dimensions',
      serialize({ inputs: [int32([1], { shape: new Array(500).fill(1) })] }),
      'INPUT_SHAPE',
      /more than 32 dimensions/,
    ],
    ['no contents', serialize({ inputs: [int32([1], { contents: undefined })] }), 'INPUT_DATA', /no data/],
    [
      'contents of another type',
      serialize({ inputs: [int32([], { shape: [1], contents: { fp32_contents: [1] } })] }),
      'INPUT_DATA',
      /another type \(field 6.*INT32 takes int_contents/,
    ],
    [
      'another datatype',
      serialize({ inputs: [int32([1], { datatype: 'INT64' })] }),
      'INPUT_DATATYPE',
      /is INT64; the model takes INT32/,
    ],
    [
      'an unknown datatype',
      serialize({ inputs: [int32([1], { datatype: 'BF16' })] }),
      'INPUT_DATATYPE',
      /unknown datatype "BF16"/,
    ],
    ['no datatype', serialize({ inputs: [int32([1], { datatype: '' })] }), 'INPUT_DATATYPE', /no datatype/],
    [
      'an input that the model has not',
      serialize({ inputs: [int32([1], { name: 'z' })] }),
      'UNKNOWN_INPUT',
      /no input 'z'; it takes 'x'/,
    ],
    ['an input twice', serialize({ inputs: [int32([1]), int32([1])] }), 'DUPLICATE_INPUT', /'x' is given twice/],
    ['no input', serialize({}), 'MISSING_INPUT', /'x' is missing; the model takes INT32/],
    [
      'an output that the model has not',
      serialize({ inputs: [int32([1])], outputs: [{ name: 'z' }] }),
      'UNKNOWN_OUTPUT',
      /no output 'z'/,
    ],
    [
      'an output twice',
      serialize({ inputs: [int32([1])], outputs: [{ name: 'y' }, { name: 'y' }] }),
      'INVALID_REQUEST',
      /'y' is asked for twice/,
    ],
    [
      'shared memory',
      serialize({ inputs: [int32([1], { parameters: { shared_memory_region: { string_param: 'r' } } })] }),
      'INVALID_REQUEST',
      /shared memory extension is not offered/,
    ],
    [
      'a classification of half a class',
      serialize({
        inputs: [int32([1])],
        outputs: [{ name: 'y', parameters: { classification: { double_param: 0.5 } } }],
      }),
      'INVALID_REQUEST',
      /'classification' of output 'y'/,
    ],
  ];
  test.each(cases)('%s', (_, body, code, message) => {
    expect(refusal(body)).toEqual({ code, message: expect.stringMatching(message) });
  });

  test('values that the datatype does not hold', () => {
    const int8 = serialize({ inputs: [int32([128], { datatype: 'INT8' })] });
    expect(refusal(int8, of('INT8'))).toEqual({
      code: 'INPUT_DATA',
      message: "input 'x': int_contents[0] is 128; INT8 takes whole numbers from -128 to 127",
    });
    const texts = (value: Buffer) =>
      serialize({ inputs: [int32([], { datatype: 'BYTES', shape: [1], contents: { bytes_contents: [value] } })] });
    expect(refusal(texts(Buffer.from([255])), of('BYTES'))).toMatchObject({
      message: expect.stringMatching(/not UTF-8/),
    });
    expect(refusal(texts(Buffer.from('a\0b')), of('BYTES'))).toMatchObject({
      message: expect.stringMatching(/U\+0000/),
    });
    const half = serialize({ inputs: [int32([1], { datatype: 'FP16' })] });
    expect(refusal(half, of('FP16')).message).toMatch(/FP16 has no typed contents; send it in raw_input_contents/);
  });

  const hex = (bytes: string) => Buffer.from(bytes.replaceAll(' ', ''), 'hex');
  const malformed: [string, Buffer, RegExp][] = [
    ['a varint of eleven bytes', hex('08 ff ff ff ff ff ff ff ff ff ff 01'), /longer than 10 bytes/],
    ['a varint that ends early', hex('08 ff'), /middle of a number/],
    ['a group', hex('0b 0c'), /a group/],
    ['a wire type that is none', hex('0f'), /wire type 7/],
    ['field number 0', hex('02 00'), /a number that is none/],
    ['a length that lies', hex('2a ff ff ff ff 0f'), /4294967295 bytes, but 0 are left/],
    ['a length of 2^63', hex('2a ff ff ff ff ff ff ff ff 7f'), /are left/],
    ['fixed64 cut short', hex('f1 3f 00 00'), /middle of a field/],
    ['a name that is not UTF-8', hex('2a 04 0a 02 c3 28'), /not UTF-8/],
    [
      'floats that are no whole number of values',
      written((contents) => void contents.bytes(6, Buffer.alloc(3)), [1], 'FP32'),
      /no whole number of values/,
    ],
    [
      'packed varints that end early',
      written((contents) => void contents.bytes(2, hex('01 80')), [1]),
      /middle of a number/,
    ],
  ];
  test.each(malformed)('%s', (_, body, message) => {
    const signature = message.source.includes('whole number of values') ? of('FP32') : X;
    expect(refusal(body, signature)).toEqual({ code: 'INVALID_REQUEST', message: expect.stringMatching(message) });
  });

  test('a message nested 100,000 deep in an unknown field is not entered', () => {
    const heads: Buffer[] = [];
    for (let inside = 0; heads.length < 100_000; inside += heads.at(-1)?.length ?? 0) {
      const writer = new Writer(8).uint(99, inside).finish();
      // The same tag, with the wire type of bytes.
      writer[0] = (writer[0] as number) + 2;
      heads.push(writer);
    }
    expect(refusal(Buffer.concat(heads.reverse())).code).toBe('MISSING_INPUT');
  });

  test('parameters with 200,000 names fill no memory', () => {
    const writer = new Writer(1 << 20);
    for (let i = 0; i < 200_000; i++) writer.message(4, () => writer.string(1, `p${i}`));
    const before = process.memoryUsage().heapUsed;
    expect(refusal(writer.finish()).code).toBe('MISSING_INPUT');
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 2 ** 20);
  });
});

test('classification gives the largest values with their places, as over REST', () => {
  const outputs = [{ name: 'y', parameters: { classification: { int64_param: 2 } } }];
  const prepared = oipGrpc({ body: serialize({ inputs: [int32([1])], outputs }), headers: {} }, X);
  const { body } = prepared.write([{ name: 'y', datatype: 'INT32', shape: [3], data: Int32Array.of(1, 9, 5) }], {
    model: 'm',
    version: 'v1',
  });
  const { contents, datatype, shape } = deserialize(body as Buffer).outputs[0];
  expect([datatype, shape, contents.bytes_contents.map(String)]).toEqual(['BYTES', ['2'], ['9:1', '5:2']]);
});
