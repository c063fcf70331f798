/** What is kept, and by which key. */

import { describe, expect, test } from 'vitest';
import { Answers } from '../../../runtime/batching/answers.ts';
import { questionKey } from '../../../runtime/batching/cache-key.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import fc from '../../properties.ts';
import { rowsOf } from './support.ts';

describe('what is kept', () => {
  const answer = (size: number) => ({ outputs: [rowsOf(Array<number>(size).fill(1))], items: size });
  const cost = (size: number) => {
    const answers = new Answers({ sizeBytes: 1e9, ttlMs: 1 });
    answers.keep('a', answer(size), 0);
    return answers.bytes;
  };

  test('the least recently used goes first', () => {
    const answers = new Answers({ sizeBytes: 3 * cost(1), ttlMs: 1_000 });
    for (const key of ['a', 'b', 'c']) answers.keep(key, answer(1), 0);
    answers.find('a', 0);
    answers.keep('d', answer(1), 0);
    expect(['a', 'b', 'c', 'd'].filter((key) => answers.find(key, 0))).toEqual(['a', 'c', 'd']);
    expect([answers.entries, answers.evictions]).toEqual([3, 1]);
  });

  test('what is larger than all that may be kept is not, and drives nothing out', () => {
    const answers = new Answers({ sizeBytes: cost(10), ttlMs: 1_000 });
    answers.keep('a', answer(10), 0);
    answers.keep('b', answer(11), 0);
    expect([answers.entries, answers.evictions, answers.find('b', 0)]).toEqual([1, 0, undefined]);
  });

  test('its size is known after any history, and never above the limit', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      size: fc.nat(200),
      finds: fc.boolean(),
      at: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const answers = new Answers({ sizeBytes: 2_500, ttlMs: 20 });
        let now = 0;
        for (const { key, size, finds, at } of steps) {
          now += at;
          if (finds) answers.find(key, now);
          else answers.keep(key, answer(size), now);
          expect(answers.bytes).toBeLessThanOrEqual(2_500);
        }
        for (const key of ['a', 'b', 'c', 'd']) answers.find(key, now + 100);
        expect([answers.bytes, answers.entries]).toEqual([0, 0]);
      }),
    );
  });
});

describe('the key of a question', () => {
  const text = (...data: string[]): Tensor => ({ name: 'x', datatype: 'BYTES', shape: [data.length], data });
  const bytes = (datatype: 'UINT8' | 'BOOL', shape: number[], ...data: number[]): Tensor => ({
    name: 'x',
    datatype,
    shape,
    data: Uint8Array.from(data),
  });
  const distinct: Record<string, [readonly Tensor[], readonly string[]]> = {
    'a question': [[bytes('UINT8', [2], 1, 0)], ['y']],
    'another value': [[bytes('UINT8', [2], 1, 1)], ['y']],
    'another datatype': [[bytes('BOOL', [2], 1, 0)], ['y']],
    'another shape': [[bytes('UINT8', [2, 1], 1, 0)], ['y']],
    'another name': [[{ ...bytes('UINT8', [2], 1, 0), name: 'xx' }], ['y']],
    'another output': [[bytes('UINT8', [2], 1, 0)], ['z']],
    'more outputs': [[bytes('UINT8', [2], 1, 0)], ['y', 'z']],
    'outputs the other way round': [[bytes('UINT8', [2], 1, 0)], ['z', 'y']],
    'outputs that run together': [[bytes('UINT8', [2], 1, 0)], ['yz']],
    'two inputs': [[bytes('UINT8', [1], 1), { ...bytes('UINT8', [1], 0), name: 'w' }], ['y']],
    texts: [[text('ab', 'c')], ['y']],
    'texts cut elsewhere': [[text('a', 'bc')], ['y']],
    'an empty text': [[text('abc', '')], ['y']],
    'a lone surrogate': [[text('\ud800', '')], ['y']],
    'another lone surrogate': [[text('\ud801', '')], ['y']],
    'what UTF-8 makes of both': [[text('\ufffd', '')], ['y']],
    'minus zero': [[rowsOf([-0])], ['y']],
    zero: [[rowsOf([0])], ['y']],
  };

  test('is another one for another question', () => {
    const keys = new Map(
      Object.entries(distinct).map(([what, [inputs, outputs]]) => [questionKey(inputs, outputs), what]),
    );
    expect(keys.size).toBe(Object.keys(distinct).length);
    for (const key of keys.keys()) expect(key.length).toBe(32);
  });

  test('is the same wherever the values lie in memory', () => {
    const lies = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const tensor = rowsOf([1, 2]);
    expect(questionKey([{ ...tensor, data: lies }], ['y'])).toBe(questionKey([tensor], ['y']));
  });
});
