import * as loader from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { oipGrpc } from '../../../runtime/grpc/infer-codec.ts';
import { rawOf } from '../../../runtime/protocol/binary-tensor.ts';
import { DATATYPES, type Datatype, sizeOf, type Tensor, type TensorData } from '../../../runtime/protocol/datatypes.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';
import fc from '../../properties.ts';

/** The other writer and reader of the same messages: protobuf.js. */
const options = { keepCase: true, longs: String, defaults: true, includeDirs: ['runtime/grpc/proto'] };
const service = loader.loadSync('grpc_service.proto', options)['inference.GRPCInferenceService'];
const { ModelInfer } = service as loader.ServiceDefinition;
const serialize = (message: object) => ModelInfer?.requestSerialize(message) as Buffer;
// biome-ignore lint/suspicious/noExplicitAny: a message of a schema read at run time; the test asserts each field that it uses
const deserialize = (bytes: Buffer) => ModelInfer?.responseDeserialize(bytes) as any;

const BY = { model: 'm', version: 'v1' };

const text = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter((value) => !value.includes('\0') && value.isWellFormed());
const small = (min: number, max: number) => fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0));
const big = (min: bigint, max: bigint) => fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n));

/** Values of a datatype, and the array that holds them. */
const VALUES: Record<Datatype, [fc.Arbitrary<unknown>, (values: never[]) => TensorData]> = {
  BOOL: [fc.boolean(), (values) => Uint8Array.from(values, Number)],
  INT8: [small(-(2 ** 7), 2 ** 7 - 1), (values) => Int8Array.from(values)],
  INT16: [small(-(2 ** 15), 2 ** 15 - 1), (values) => Int16Array.from(values)],
  INT32: [small(-(2 ** 31), 2 ** 31 - 1), (values) => Int32Array.from(values)],
  INT64: [big(-(2n ** 63n), 2n ** 63n - 1n), (values) => BigInt64Array.from(values)],
  UINT8: [small(0, 2 ** 8 - 1), (values) => Uint8Array.from(values)],
  UINT16: [small(0, 2 ** 16 - 1), (values) => Uint16Array.from(values)],
  UINT32: [small(0, 2 ** 32 - 1), (values) => Uint32Array.from(values)],
  UINT64: [big(0n, 2n ** 64n - 1n), (values) => BigUint64Array.from(values)],
  FP16: [small(0, 2 ** 16 - 1), (values) => Uint16Array.from(values)],
  FP32: [fc.float(), (values) => Float32Array.from(values)],
  FP64: [fc.double(), (values) => Float64Array.from(values)],
  BYTES: [text, (values) => values],
};

const FIELD: Record<Datatype, string> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP16: 'none',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

/** A tensor of any datatype and a shape of up to three dimensions, with its values as protobuf.js takes them. */
function tensor(name: string, of: readonly Datatype[]): fc.Arbitrary<{ tensor: Tensor; plain: unknown[] }> {
  return fc
    .record({
      datatype: fc.constantFrom(...of),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    })
    .chain(({ datatype, shape }) => {
      const [value, make] = VALUES[datatype];
      const size = sizeOf(shape);
      return fc.array(value, { minLength: size, maxLength: size }).map((values) => ({
        tensor: { name, datatype, shape, data: make(values as never[]) },
        plain: values.map((each) => (typeof each === 'bigint' ? String(each) : each)),
      }));
    });
}

function signatureOf(...tensors: Tensor[]): Signature {
  const specs = tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1) }));
  return { inputs: specs, outputs: specs };
}

const TYPED = DATATYPES.filter((datatype) => datatype !== 'FP16');

const plainContents = ({ datatype }: Tensor, plain: unknown[]) => ({
  [FIELD[datatype]]: datatype === 'BYTES' ? plain.map((each) => Buffer.from(each as string)) : plain,
});

const inputOf = ({ name, datatype, shape }: Tensor) => ({ name, datatype, shape });

describe('requests that protobuf.js wrote', () => {
  test('with typed contents, in any order of the inputs', () => {
    fc.assert(
      fc.property(tensor('a', TYPED), tensor('b', TYPED), text, fc.boolean(), (a, b, id, swap) => {
        const inputs = [a, b].map((each) => ({
          ...inputOf(each.tensor),
          contents: plainContents(each.tensor, each.plain),
        }));
        const body = serialize({ model_name: 'm', id, inputs: swap ? inputs.reverse() : inputs });
        const prepared = oipGrpc({ body, headers: {} }, signatureOf(a.tensor, b.tensor));
        expect(prepared.inputs).toEqual([a.tensor, b.tensor]);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test('with raw contents, wherever they lie in memory', () => {
    fc.assert(
      fc.property(tensor('a', DATATYPES), tensor('b', DATATYPES), fc.nat(8), (a, b, offset) => {
        const tensors = [b.tensor, a.tensor];
        const bytes = serialize({ inputs: tensors.map(inputOf), raw_input_contents: tensors.map(rawOf) });
        const body = Buffer.concat([Buffer.alloc(offset), bytes]).subarray(offset);
        const prepared = oipGrpc({ body, headers: {} }, signatureOf(a.tensor, b.tensor));
        expect(prepared.inputs).toEqual([a.tensor, b.tensor]);
      }),
      { numRuns: 500, seed: 2 },
    );
  });
});

describe('answers that protobuf.js reads', () => {
  test('say what was computed, raw if the request was raw', () => {
    fc.assert(
      fc.property(tensor('a', DATATYPES), tensor('b', TYPED), text, fc.boolean(), (a, b, id, raw) => {
        const tensors = [a.tensor, b.tensor];
        const zero = { name: 'x', datatype: 'UINT8', shape: [0] } as const;
        const body = serialize({ id, inputs: [zero], raw_input_contents: raw ? [Buffer.alloc(0)] : [] });
        const signature = { inputs: [{ ...zero, shape: [-1] }], outputs: signatureOf(...tensors).outputs };
        const { body: answer } = oipGrpc({ body, headers: {} }, signature).write(tensors, BY);
        const message = deserialize(answer as Buffer);
        expect(message).toMatchObject({ model_name: 'm', model_version: 'v1', id });
        const shapes = message.outputs.map(
          ({ name, datatype, shape }: { name: string; datatype: string; shape: string[] }) => ({
            name,
            datatype,
            shape: shape.map(Number),
          }),
        );
        expect(shapes).toEqual(tensors.map(inputOf));
        // FP16 has no typed contents.
        if (raw || a.tensor.datatype === 'FP16') expect(message.raw_output_contents).toEqual(tensors.map(rawOf));
        else {
          expect(message.raw_output_contents).toEqual([]);
          for (const [index, { tensor, plain }] of [a, b].entries()) {
            expect(message.outputs[index].contents).toMatchObject(plainContents(tensor, plain));
          }
        }
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
