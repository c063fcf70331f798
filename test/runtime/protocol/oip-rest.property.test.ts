import { expect, test } from 'vitest';
import { RequestError } from '../../../runtime/errors.ts';
import { rawOf } from '../../../runtime/protocol/binary-tensor.ts';
import { ARRAYS, DATATYPES, type Datatype, sizeOf, type Tensor } from '../../../runtime/protocol/datatypes.ts';
import { writeValues } from '../../../runtime/protocol/json-numbers.ts';
import { oipRest } from '../../../runtime/protocol/oip-rest.ts';
import type { Signature } from '../../../runtime/protocol/signature.ts';
import fc from '../../properties.ts';
import { binaryInput, binaryRequest, LENGTH, readAnswer } from './oip.ts';

/** Large enough for every way in which arrays get their memory. */
const shapes = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
  fc.tuple(fc.constantFrom(1, 700, 5000)),
);
const text = fc.string({ unit: 'binary', maxLength: 8 }).map((value) => value.replaceAll('\0', '').toWellFormed());

function tensors(name: string, datatypes: readonly Datatype[]): fc.Arbitrary<Tensor> {
  return fc.tuple(fc.constantFrom(...datatypes), shapes).chain(([datatype, shape]) => {
    const size = sizeOf(shape);
    const made = (data: Tensor['data']): Tensor => ({ name, datatype, shape, data });
    if (datatype === 'BYTES') return fc.array(text, { minLength: size, maxLength: size, size: 'max' }).map(made);
    const Values = ARRAYS[datatype];
    const bytes = size * Values.BYTES_PER_ELEMENT;
    return fc.tuple(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat()).map(([seed]) => {
      const raw = new Uint8Array(bytes).map((_, i) => (seed[i % 64] as number) ^ (Math.imul(i >> 6, 0x9e37) & 0xff));
      return made(new Values(datatype === 'BOOL' ? raw.map((byte) => byte & 1).buffer : raw.buffer, 0, size));
    });
  });
}

/** NaNs of other bits are the same value; JSON knows one only. */
function plain({ datatype, data, ...rest }: Tensor) {
  const bits = datatype === 'FP16' ? new Float16Array((data as Uint16Array).slice().buffer) : data;
  return { ...rest, datatype, data: Array.from(bits as Float32Array) };
}

function signatureOf(given: readonly Tensor[]): Signature {
  const specs = given.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(() => -1) }));
  return { inputs: specs, outputs: specs };
}

const jsonInput = ({ name, datatype, shape, ...values }: Tensor) =>
  `{"name":"${name}","datatype":"${datatype}","shape":[${shape}],"data":[${writeValues({ datatype, ...values })}]}`;

test('tensors come through JSON, binary and both mixed as they are', () => {
  const two = fc.tuple(tensors('a', DATATYPES), tensors('b', DATATYPES));
  fc.assert(
    fc.property(two, fc.tuple(fc.boolean(), fc.boolean()), (given, inBinary) => {
      const isBinary = (index: number) => inBinary[index] as boolean;
      const heads = given.map((tensor, i) => (isBinary(i) ? JSON.stringify(binaryInput(tensor)) : jsonInput(tensor)));
      const wishes = given.map(({ name }, i) => `{"name":"${name}","parameters":{"binary_data":${isBinary(i)}}}`);
      const json = Buffer.from(`{"inputs":[${heads}],"outputs":[${wishes}]}`);
      const body = Buffer.concat([json, ...given.filter((_, i) => isBinary(i)).map(rawOf)]);
      const headers = inBinary.includes(true) ? { [LENGTH]: String(json.length) } : {};
      const { inputs, write } = oipRest({ headers, body }, signatureOf(given));
      expect(inputs.map(plain)).toEqual(given.map(plain));

      // What is written of them can be sent again.
      const answer = write(inputs, { model: 'm', version: 'v1' });
      const bytes = Buffer.from(answer.body as string);
      const { [LENGTH]: length = String(bytes.length) } = answer.headers ?? {};
      const text = bytes.toString('utf8', 0, Number(length)).replace('"outputs"', '"inputs"');
      const again = Buffer.concat([Buffer.from(text), bytes.subarray(Number(length))]);
      const sent = inBinary.includes(true) ? { [LENGTH]: String(Buffer.byteLength(text)) } : {};
      expect(oipRest({ headers: sent, body: again }, signatureOf(given)).inputs.map(plain)).toEqual(given.map(plain));
      readAnswer({ get: () => length }, bytes);
    }),
    { numRuns: 300 },
  );
});

test('a request that is cut, stretched or changed is refused by code, or is another good request', () => {
  const changes = fc.record({
    cut: fc.nat(400),
    at: fc.nat(400),
    byte: fc.nat(255),
    length: fc.option(fc.oneof(fc.integer().map(String), fc.string())),
    kind: fc.constantFrom('cut', 'stretch', 'change', 'length'),
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(tensors('a', DATATYPES), tensors('b', ['BYTES']), changes, (a, b, { kind, cut, at, byte, length }) => {
      const { headers, body } = binaryRequest({ inputs: [binaryInput(a), binaryInput(b)] }, rawOf(a), rawOf(b));
      let bytes = Buffer.from(body);
      if (kind === 'cut') bytes = bytes.subarray(0, Math.max(0, bytes.length - 1 - cut));
      else if (kind === 'stretch') bytes = Buffer.concat([bytes, Buffer.alloc(1 + cut)]);
      else if (kind === 'change') bytes[Math.max(0, bytes.length - 1 - at)] = byte;
      else if (length !== null) headers[LENGTH] = length;
      try {
        oipRest({ headers, body: bytes }, signatureOf([a, b]));
        seen.add('fine');
        expect(['change', 'length']).toContain(kind);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        expect(error.status).toBe(400);
        expect(error.message.length).toBeLessThan(400);
        seen.add(error.code);
      }
    }),
    { numRuns: 2_000 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['fine', 'INPUT_DATA', 'INVALID_REQUEST', 'MALFORMED_JSON']));
});
