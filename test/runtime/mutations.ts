/** A model, a good request to it, and ways to spoil that request. */
import { onnx } from './onnx-builder.ts';
import type { Random } from './random.ts';

export const MODEL = onnx({
  inputs: [
    { name: 'image', element: 'FP32', shape: ['n', 4] },
    { name: 'count', element: 'INT64', shape: [] },
    { name: 'flag', element: 'BOOL', shape: [2] },
    { name: 'words', element: 'BYTES', shape: ['w'] },
  ],
  outputs: [
    { name: 'y', element: 'FP32', shape: ['n', 4] },
    { name: 'j', element: 'INT64', shape: [] },
    { name: 'f', element: 'BOOL', shape: [2] },
    { name: 'v', element: 'BYTES', shape: ['w'] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['image'], outputs: ['y'] },
    { op: 'Identity', inputs: ['count'], outputs: ['j'] },
    { op: 'Identity', inputs: ['flag'], outputs: ['f'] },
    { op: 'Identity', inputs: ['words'], outputs: ['v'] },
  ],
});

export const GOOD = {
  id: 'good',
  inputs: [
    {
      name: 'image',
      datatype: 'FP32',
      shape: [2, 4],
      data: [
        [1, 2, 3, 4],
        [0.5, -1, 1e-3, 'NaN'],
      ],
    },
    { name: 'count', datatype: 'INT64', shape: [], data: [7] },
    { name: 'flag', datatype: 'BOOL', shape: [2], data: [true, false] },
    { name: 'words', datatype: 'BYTES', shape: [2], data: ['a', 'ü'] },
  ],
  outputs: [{ name: 'y' }, { name: 'j' }],
  parameters: { anything: 1 },
};

/** Values that break what trusts its input. */
const POISON: unknown[] = [
  null,
  true,
  '',
  '\0',
  'NaN',
  '-Infinity',
  -1,
  0,
  1.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  -1e-320,
  [],
  [[]],
  {},
  [null],
  [[[[[[1]]]]]],
  'a'.repeat(10_000),
  new Array(1_000).fill(0),
  { name: 'image' },
  '__proto__',
  'constructor',
  '\ud800',
  [1e9, 1e9, 1e9],
  [0, 0],
  [-1],
  ['4'],
  new Array(40).fill(1),
  'FP16',
  'BYTES',
  'fp32',
];

/** Changes one random place of a JSON value. */
export function mutateValue(root: unknown, random: Random): unknown {
  if (typeof root !== 'object' || root === null || random.next() < 0.15) return random.pick(POISON);
  const copy: Record<string, unknown> = Array.isArray(root) ? ([...root] as never) : { ...root };
  const keys = Object.keys(copy);
  const key = random.pick(keys);
  if (key === undefined) return random.pick(POISON);
  const chance = random.next();
  if (chance < 0.1) delete copy[key];
  else if (chance < 0.15) {
    // Defined, not assigned: `__proto__` must arrive as a name like any other.
    const name = random.pick(['name', 'data', 'shape', '__proto__', 'toString', '0']);
    Object.defineProperty(copy, name, { value: copy[key], enumerable: true, configurable: true, writable: true });
  } else if (chance < 0.2 && Array.isArray(copy)) copy.push(copy[Number(key)]);
  else copy[key] = mutateValue(copy[key], random);
  return copy;
}

/** Changes random bytes of a text: cut, doubled, replaced, swapped for tokens that JSON does not know. */
export function mutateBytes(text: string, random: Random): Buffer {
  const bytes = Buffer.from(text);
  const at = random.below(bytes.length);
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at)]);
    case 2:
      bytes[at] = random.below(256);
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
    default: {
      const token = random.pick([
        'NaN',
        'Infinity',
        '[[[[[[[[',
        '99999999999999999999',
        '1e400',
        '"\\u0000"',
        '\\',
        '/*',
        "'",
      ]);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(token), bytes.subarray(at)]);
    }
  }
}

export function mutate(random: Random): Buffer {
  let value: unknown = GOOD;
  for (let times = 1 + random.below(3); times > 0; times--) value = mutateValue(value, random);
  const text = JSON.stringify(value) ?? '';
  return text.length > 0 && random.next() < 0.4 ? mutateBytes(text, random) : Buffer.from(text);
}
