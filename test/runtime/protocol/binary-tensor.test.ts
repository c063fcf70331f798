import { describe, expect, test } from 'vitest';
import { rawOf, readRaw } from '../../../runtime/protocol/binary-tensor.ts';
import { DATATYPES, type Datatype, type TensorData } from '../../../runtime/protocol/datatypes.ts';

const SAMPLES: Record<Datatype, { data: TensorData; hex: string }> = {
  BOOL: { data: Uint8Array.of(1, 0, 1), hex: '010001' },
  INT8: { data: Int8Array.of(-128, 127), hex: '807f' },
  INT16: { data: Int16Array.of(-2, 1), hex: 'feff0100' },
  INT32: { data: Int32Array.of(-2, 1), hex: 'feffffff01000000' },
  INT64: { data: BigInt64Array.of(-2n, 2n ** 62n), hex: 'feffffffffffffff0000000000000040' },
  UINT8: { data: Uint8Array.of(0, 255), hex: '00ff' },
  UINT16: { data: Uint16Array.of(1, 65535), hex: '0100ffff' },
  UINT32: { data: Uint32Array.of(1, 2 ** 32 - 1), hex: '01000000ffffffff' },
  UINT64: { data: BigUint64Array.of(1n, 2n ** 64n - 1n), hex: '0100000000000000ffffffffffffffff' },
  FP16: { data: Uint16Array.of(0x3c00, 0xfc00, 0x7e01), hex: '003c00fc017e' },
  FP32: { data: Float32Array.of(1, Number.NEGATIVE_INFINITY), hex: '0000803f000080ff' },
  FP64: { data: Float64Array.of(1.5, -0), hex: '000000000000f83f0000000000000080' },
  BYTES: { data: ['a', '', 'ü'], hex: '010000006100000000' + '02000000c3bc' },
};

describe('little-endian bytes, both ways', () => {
  test.each(DATATYPES)('%s', (datatype) => {
    const { data, hex } = SAMPLES[datatype];
    expect(rawOf({ datatype, data }).toString('hex')).toBe(hex);
    for (const offset of [0, 1, 8]) {
      const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(hex, 'hex')]).subarray(offset);
      expect(readRaw(bytes, datatype, data.length, "input 'x'")).toEqual(data);
    }
  });

  test('aligned bytes are used as they stand, others are copied', () => {
    const bytes = Buffer.alloc(32);
    const at = (offset: number) => readRaw(bytes.subarray(offset, offset + 16), 'FP32', 4, 'x') as Float32Array;
    const aligned = (8 - (bytes.byteOffset % 8)) % 8;
    expect(at(aligned).buffer).toBe(bytes.buffer);
    expect(at(aligned + 1).buffer).not.toBe(bytes.buffer);
  });

  test('no values are no bytes', () => {
    for (const datatype of DATATYPES) expect(readRaw(Buffer.alloc(0), datatype, 0, 'x')).toHaveLength(0);
  });
});

const text = (...parts: (number | string)[]) =>
  Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1');
      const length = Buffer.alloc(4);
      length.writeUInt32LE(part);
      return length;
    }),
  );

describe('bytes that are no such tensor', () => {
  test.each<[why: string, datatype: Datatype, size: number, bytes: Buffer, says: string[]]>([
    ['too few bytes', 'FP32', 2, Buffer.alloc(7), ['7 bytes', '2 values of FP32 are 8']],
    ['too many bytes', 'INT64', 1, Buffer.alloc(9), ['9 bytes', '1 values of INT64 are 8']],
    ['a size beyond all memory', 'FP64', 2 ** 50, Buffer.alloc(8), ['8 bytes', String(2 ** 53)]],
    ['a byte that is no BOOL', 'BOOL', 3, Buffer.from([0, 1, 2]), ['value 2', 'the byte 2', '0 and 1']],
    ['more texts than lengths', 'BYTES', 1e15, text(0), ['4 bytes', '4000000000000000']],
    ['a length beyond the end', 'BYTES', 1, text(5, 'abcd'), ['value 0', '5 bytes', '4 are left']],
    ['a length of 4 GiB', 'BYTES', 1, text(2 ** 32 - 1, 'a'), ['value 0', '4294967295']],
    ['a length cut off', 'BYTES', 2, text(4, 'abcd', 'xy'), ['1 of 2 values']],
    ['bytes after the last text', 'BYTES', 1, text(1, 'a', 'b'), ['1 values take 5 bytes', 'are 6']],
    ['bytes that are no UTF-8', 'BYTES', 2, text(1, 'a', 2, 'a\xff'), ['value 1', 'UTF-8']],
    ['a NUL', 'BYTES', 1, text(3, 'a\0b'), ['value 0', 'U+0000']],
  ])('%s', (_why, datatype, size, bytes, says) => {
    const read = () => readRaw(bytes, datatype, size, "input 'x'");
    expect(read).toThrow(expect.objectContaining({ code: 'INPUT_DATA', status: 400 }));
    for (const part of ["input 'x'", ...says]) expect(read).toThrow(part);
  });

  test('U+FFFD itself is a character like any other', () => {
    const raw = rawOf({ datatype: 'BYTES', data: ['\ufffd'] });
    expect(readRaw(raw, 'BYTES', 1, 'x')).toEqual(['\ufffd']);
  });
});
