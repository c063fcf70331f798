import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ARRAYS, DATATYPES, type Datatype } from '../../../runtime/protocol/datatypes.ts';
import { unfilled } from '../../../runtime/protocol/tensor-memory.ts';
import fc from '../../properties.ts';

const NUMBERS = DATATYPES.filter((datatype) => datatype !== 'BYTES') as Exclude<Datatype, 'BYTES'>[];

test('arrays of any datatypes and sizes do not share a byte', () => {
  const wanted = fc.tuple(fc.constantFrom(...NUMBERS), fc.oneof(fc.nat(20), fc.nat(1500)));
  fc.assert(
    fc.property(fc.array(wanted, { maxLength: 60 }), (list) => {
      const arrays = list.map(([datatype, size]) => unfilled(datatype, size));
      const bytes = arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      for (const [i, each] of bytes.entries()) each.fill(i + 1);
      for (const [i, each] of bytes.entries()) expect(each.every((byte) => byte === i + 1)).toBe(true);
      for (const [i, [datatype, size]] of list.entries()) {
        expect(arrays[i]).toBeInstanceOf(ARRAYS[datatype]);
        expect(arrays[i]).toHaveLength(size);
      }
    }),
  );
});

test('an array that shares its buffer can’t be transferred away from under the others', () => {
  const { port1, port2 } = new MessageChannel();
  const { buffer } = unfilled('FP32', 64);
  expect(() => port1.postMessage(0, [buffer as ArrayBuffer])).toThrow(/transfer/i);
  expect(buffer.byteLength).toBeGreaterThan(0);
  port1.close();
  port2.close();
});
