import { rm, writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Executor } from '../../../runtime/models/executor.ts';
import { openInWorker } from '../../../runtime/models/worker-executor.ts';
import { temporaryFolder } from '../harness.ts';
import { identity, writeModel } from '../onnx-builder.ts';
import { planOf, tensor } from './samples.ts';

const DYING = new URL('./dying-worker.ts', import.meta.url);

async function dying(): Promise<{ executor: Executor; warnings: string[]; path: string }> {
  const path = await writeModel(await temporaryFolder(), identity('FP32'));
  const warnings: string[] = [];
  const executor = await openInWorker(planOf(path), { script: DYING, warn: (message) => void warnings.push(message) });
  onTestFinished(() => executor.close());
  return { executor, warnings, path };
}

const ask = (executor: Executor, output = 'y') =>
  executor.run([tensor('x', 'FP32', [1], Float32Array.of(3))], [output]).then(
    ([y]) => y?.data[0],
    ({ code, message }) => `${code}: ${message}`,
  );

test.each([
  ['exit', /it left with code 7/],
  ['throw', /out of the blue/],
])('a worker that ends by itself (%s) fails what it ran, and another takes its place', async (how, why) => {
  const { executor, warnings } = await dying();
  const fates = await Promise.all([ask(executor), ask(executor, how), ask(executor)]);
  expect(fates[0]).toBe(3);
  for (const fate of fates.slice(1)) expect(fate).toMatch(/^INFERENCE_FAILED: the thread that ran the model ended/);
  expect(fates[1]).toMatch(why);
  expect(await ask(executor)).toBe(3);
  expect(warnings).toEqual([expect.stringMatching(why)]);
});

test('as often as it happens', async () => {
  const { executor } = await dying();
  for (let i = 0; i < 3; i++) {
    expect(await ask(executor, 'exit')).toContain('INFERENCE_FAILED');
    expect(await ask(executor)).toBe(3);
  }
});

test('one that can not be replaced fails each run with the reason, until it can', async () => {
  const { executor, path } = await dying();
  await writeFile(`${path}.closed`, '');
  await ask(executor, 'exit');
  for (let i = 0; i < 2; i++) expect(await ask(executor)).toMatch(/could not be replaced: the test says so/);
  await rm(`${path}.closed`);
  // The try that was under way may still find it closed.
  await expect.poll(() => ask(executor), { timeout: 20_000 }).toBe(3);
});

test('one that died can be closed, also while another is to take its place', async () => {
  const { executor } = await dying();
  const fate = ask(executor, 'exit');
  await fate;
  await executor.close();
  await executor.close();
  expect(await ask(executor)).toContain('the model is closed');
});
