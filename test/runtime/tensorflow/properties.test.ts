import { expect, test } from 'vitest';
import { RequestError } from '../../../runtime/errors.ts';
import type { Datatype, Tensor } from '../../../runtime/protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../../../runtime/protocol/signature.ts';
import { tensorflowPredict } from '../../../runtime/protocol/tensorflow.ts';
import fc from '../../properties.ts';

const SEED = { seed: 20_261_127 };

const VALUES: Partial<Record<Datatype, fc.Arbitrary<unknown>>> = {
  BOOL: fc.boolean(),
  INT8: fc.integer({ min: -128, max: 127 }),
  UINT32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  INT64: fc.integer(),
  // JSON.stringify drops the sign of −0.
  FP32: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  FP64: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  BYTES: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', '')),
};

function nested(value: fc.Arbitrary<unknown>, shape: readonly number[]): fc.Arbitrary<unknown> {
  const [size, ...inner] = shape;
  if (size === undefined) return value;
  return fc.array(nested(value, inner), { minLength: size, maxLength: size });
}

interface Case {
  signature: Signature;
  /** By input: a nested array with the rows in dimension 0. */
  columns: Record<string, unknown[]>;
}

const CASE: fc.Arbitrary<Case> = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.uniqueArray(fc.constantFrom('a', 'b', 'x y', '__proto__', 'b64', 'toString'), { minLength: 1, maxLength: 3 }),
  )
  .chain(([rows, names]) => {
    const one = fc.tuple(
      fc.constantFrom(...(Object.keys(VALUES) as Datatype[])),
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
      fc.boolean(),
    );
    return fc.tuple(...names.map(() => one)).chain((kinds) => {
      const inputs: TensorSpec[] = kinds.map(([datatype, inner, free], i) => ({
        name: names[i] as string,
        datatype,
        shape: [-1, ...inner.map((dim) => (free ? -1 : dim))],
      }));
      const values = kinds.map(([datatype, inner]) =>
        nested(VALUES[datatype] as fc.Arbitrary<unknown>, [rows, ...inner]),
      );
      return fc.tuple(...values).map((all) => ({
        signature: { inputs, outputs: inputs },
        columns: Object.fromEntries(all.map((value, i) => [names[i], value as unknown[]])),
      }));
    });
  })
  .filter(({ signature: { inputs } }) => inputs.length > 1 || inputs[0]?.name !== 'b64');

const read = (body: unknown, signature: Signature) =>
  tensorflowPredict({ body: Buffer.from(JSON.stringify(body)), headers: {} }, signature);
const parse = (body: Buffer | string) => JSON.parse(String(body));

test('rows and columns of the same data are the same tensors, and come back as they went', () => {
  fc.assert(
    fc.property(CASE, ({ signature, columns }) => {
      const names = Object.keys(columns);
      const count = (columns[names[0] as string] as unknown[]).length;
      const rows = Array.from({ length: count }, (_, row) =>
        Object.fromEntries(names.map((name) => [name, columns[name]?.[row]])),
      );
      const byRow = read({ instances: rows }, signature);
      const byColumn = read({ inputs: columns }, signature);
      expect(byRow.inputs).toEqual(byColumn.inputs);
      const by = { model: 'm', version: 'v1' };
      const outputs = byRow.inputs as Tensor[];
      const only = names.length === 1 ? (names[0] as string) : undefined;
      const { predictions } = parse(byRow.write(outputs, by).body);
      expect(predictions).toEqual(only === undefined ? rows : columns[only]);
      expect(parse(byColumn.write(outputs, by).body).outputs).toEqual(only === undefined ? columns : columns[only]);
      if (only === undefined) return;
      expect(read({ instances: columns[only] }, signature).inputs).toEqual(byRow.inputs);
      expect(read({ inputs: columns[only] }, signature).inputs).toEqual(byRow.inputs);
    }),
    { numRuns: 500, ...SEED },
  );
});

test('any JSON is read, or refused with a code of 4xx', () => {
  const signature = (inputs: TensorSpec[]): Signature => ({ inputs, outputs: inputs });
  const signatures = [
    signature([{ name: 'x', datatype: 'FP32', shape: [-1, 2] }]),
    signature([{ name: 'x', datatype: 'BYTES', shape: [-1] }]),
    signature([{ name: 'x', datatype: 'INT64', shape: [], anyRank: true }]),
    signature([
      { name: 'a', datatype: 'BOOL', shape: [-1] },
      { name: 'b', datatype: 'UINT8', shape: [2, -1] },
    ]),
  ];
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      '',
      '\0nan',
      'NaN',
      { b64: 'YQ==' },
      { b64: '*' },
      { x: [1, 2] },
      { a: true, b: [1] },
      [],
      {},
    ),
    fc.double(),
    fc.boolean(),
    fc.string(),
  );
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('x', 'a', 'b', 'b64', '__proto__'), tie('node'), { maxKeys: 2 }),
    ),
  }));
  const key = fc.constantFrom('instances', 'inputs', 'signature_name', 'parameters');
  fc.assert(
    fc.property(
      fc.oneof(fc.dictionary(key, node, { maxKeys: 3 }), node),
      fc.constantFrom(...signatures),
      (body, of) => {
        try {
          const { inputs } = read(body, of);
          for (const { shape, data } of inputs) expect(data.length).toBe(shape.reduce((size, dim) => size * dim, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError);
          expect((error as RequestError).status).toBe(400);
        }
      },
    ),
    { numRuns: 3_000, ...SEED },
  );
});

test('what asks for much memory, or nests deep, is refused at once', () => {
  const signature: Signature = {
    inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, -1, -1] }],
    outputs: [],
  };
  const long = `[${'[],'.repeat(1e5)}[]]`;
  const bodies = [
    `{"instances":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    `{"instances":[[[${'1,'.repeat(1e5)}1]],${'[[0]],'.repeat(1e5)}[[0]]]}`,
    `{"instances":[${long},${long},[]]}`,
    `{"instances":[NaN,${'"\\\\\\"",'.repeat(1e5)}"`,
    `${'NaN'.repeat(1e5)}`,
  ];
  for (const text of bodies) {
    expect(() => tensorflowPredict({ body: Buffer.from(text), headers: {} }, signature)).toThrow(RequestError);
  }
});
