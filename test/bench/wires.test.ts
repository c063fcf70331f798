import { describe, expect, it } from 'vitest';
import { bytesOf, distance, float32, int64, nested, numbersOf } from '../../bench/serving/tensors.ts';
import { nativeJson, stackedBody } from '../../bench/serving/wires/native-json.ts';
import { oipBinary } from '../../bench/serving/wires/oip-binary.ts';
import { framed, oipGrpc } from '../../bench/serving/wires/oip-grpc.ts';
import { oipJson } from '../../bench/serving/wires/oip-json.ts';
import { field, fields, varint } from '../../bench/serving/wires/protobuf.ts';

const target = { host: '127.0.0.1', port: 80, model: 'm', output: 'y' };
const x = float32('x', [1, 3], [0, 0.1, -2.5]);
const ids = int64('ids', [1, 2], [101, 102]);

/** Head and body of an HTTP message. */
function split(message: Buffer): { head: string; body: Buffer } {
  const end = message.indexOf('\r\n\r\n');
  return { head: message.subarray(0, end).toString(), body: message.subarray(end + 4) };
}

describe('tensors', () => {
  it('float32 is written as the shortest text that reads back the same', () => {
    const values = [0.1, 1 / 3, 3e-7, 16_777_216, -0.5];
    const written = numbersOf(float32('x', [5], values));
    expect(written.slice(0, 2)).toEqual([0.1, 0.33333334]);
    expect(written.map(Math.fround)).toEqual(values.map(Math.fround));
  });

  it('nests by shape', () =>
    expect(nested([1, 2, 3, 4, 5, 6], [3, 2])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]));

  it.each([
    ['equal', [3, 4], [3, 4], 0],
    ['a little off', [3, 4], [3, 4.5], 0.1],
    ['of another length', [3, 4], [3], Number.POSITIVE_INFINITY],
    ['no number', [3, 4], [3, Number.NaN], Number.POSITIVE_INFINITY],
    ['null, as NaN is written in JSON', [3, 4], [undefined as never, 4], Number.POSITIVE_INFINITY],
  ])('distance of answers that are %s', (_, expected, got, far) => expect(distance(expected, got)).toBeCloseTo(far));
});

describe('Open Inference Protocol over REST', () => {
  it('JSON: a flat list a tensor, and the length of the body', () => {
    const { head, body } = split(oipJson.encode([x], target));
    expect(head).toMatch(/^POST \/v2\/models\/m\/infer HTTP\/1.1\r\n/);
    expect(head).toContain(`content-length: ${body.length}`);
    expect(JSON.parse(body.toString())).toEqual({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [0, 0.1, -2.5] }],
    });
  });

  it('JSON: finds the output, nested or flat', () => {
    const body = Buffer.from('{"outputs":[{"name":"z","data":[9]},{"name":"y","data":[[1,2],[3,4]]}]}');
    expect(oipJson.decode({ head: '', body }, target)).toEqual([1, 2, 3, 4]);
  });

  it('JSON: an answer without the output is refused', () => {
    expect(() => oipJson.decode({ head: '', body: Buffer.from('{"error":"no"}') }, target)).toThrow("no output 'y'");
  });

  it('binary: a head whose length is said, then the bytes in its order', () => {
    const { head, body } = split(oipBinary.encode([x, ids], target));
    const length = Number(/Inference-Header-Content-Length: (\d+)/.exec(head)?.[1]);
    const { inputs, parameters } = JSON.parse(body.subarray(0, length).toString());
    expect(inputs.map(({ parameters }: { parameters: object }) => parameters)).toEqual([
      { binary_data_size: 12 },
      { binary_data_size: 16 },
    ]);
    expect(parameters).toEqual({ binary_data_output: true });
    expect(body.subarray(length)).toEqual(Buffer.concat([bytesOf(x), bytesOf(ids)]));
  });

  it('binary: reads the output behind another', () => {
    const json = Buffer.from(
      JSON.stringify({
        outputs: [
          { name: 'ids', datatype: 'INT64', parameters: { binary_data_size: 16 } },
          { name: 'y', datatype: 'FP32', parameters: { binary_data_size: 12 } },
        ],
      }),
    );
    const body = Buffer.concat([json, bytesOf(ids), bytesOf(x)]);
    const head = `HTTP/1.1 200 OK\r\ninference-header-content-length: ${json.length}`;
    expect(oipBinary.decode({ head, body }, target)).toEqual([0, Math.fround(0.1), -2.5]);
  });

  it('binary: an answer in JSON is refused', () => {
    expect(() => oipBinary.decode({ head: 'HTTP/1.1 200 OK', body: Buffer.from('{}') }, target)).toThrow('not binary');
  });
});

describe('Open Inference Protocol over gRPC', () => {
  it('varints beyond 32 bits', () => {
    expect([...varint(300)]).toEqual([0xac, 0x02]);
    expect(varint(2 ** 40).length).toBe(6);
  });

  it('the message has the name of the model, what the tensors are, and their bytes', () => {
    const message = oipGrpc.encode([x, ids], target);
    expect(message.readUInt32BE(1)).toBe(message.length - 5);
    const found = fields(message.subarray(5));
    expect(found.map(({ number }) => number)).toEqual([1, 5, 5, 7, 7]);
    expect(found[0]?.bytes.toString()).toBe('m');
    expect(fields(found[2]?.bytes as Buffer).map(({ bytes }) => [...bytes])).toEqual([
      [...Buffer.from('ids')],
      [...Buffer.from('INT64')],
      [1, 2],
    ]);
    expect(found[3]?.bytes).toEqual(bytesOf(x));
  });

  it('reads raw contents by the place of the output', () => {
    const output = (name: string, datatype: string) => field(5, Buffer.concat([field(1, name), field(2, datatype)]));
    const answer = Buffer.concat([
      field(1, 'm'),
      output('ids', 'INT64'),
      output('y', 'FP32'),
      field(6, bytesOf(ids)),
      field(6, bytesOf(x)),
    ]);
    expect(oipGrpc.decode({ head: '', body: framed(answer) }, target)).toEqual([0, Math.fround(0.1), -2.5]);
  });

  it('a message that ends inside a field is refused', () => {
    expect(() => fields(field(1, 'model').subarray(0, 4))).toThrow(RangeError);
  });
});

describe('JSON of a server’s own', () => {
  it('one list a name, nested', () => {
    const { head, body } = split(nativeJson.encode([x, ids], { ...target, path: '/predict' }));
    expect(head).toMatch(/^POST \/predict /);
    expect(JSON.parse(body.toString())).toEqual({ x: [[0, 0.1, -2.5]], ids: [[101, 102]] });
  });

  it.each([
    ['by name', '{"y":[[1,2]]}'],
    ['bare', '[[1,2]]'],
  ])('reads the output %s', (_, text) => {
    expect(nativeJson.decode({ head: '', body: Buffer.from(text) }, target)).toEqual([1, 2]);
  });

  it('stacks several inputs in the second dimension, and leaves one as it is', () => {
    const other = int64('mask', [1, 2], [1, 0]);
    expect(JSON.parse(stackedBody([ids, other]))).toEqual({
      rows: [
        [
          [101, 102],
          [1, 0],
        ],
      ],
    });
    expect(JSON.parse(stackedBody([x]))).toEqual({ rows: [[0, 0.1, -2.5]] });
  });
});
