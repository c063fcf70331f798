/** Starts runtimes that fail, and writes golden requests. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ask, infer, type RunOptions, run, temporaryFolder } from '../harness.ts';

export const GOLDEN = 'examples/digits/golden.json';
export const with_ = (uri: string, golden: string, tolerance = 1e-4): RunOptions => ({
  launch: { uri, golden: { uri: golden, tolerance } },
});

/** @returns the failure, after checking that nothing is served */
export async function failure(options: RunOptions) {
  const running = await run({ ...options, load: false });
  const error = await running.server.load().then(
    () => expect.unreachable('it was loaded'),
    (thrown) => thrown,
  );
  const { json } = await ask(`${running.admin}/modelship/report`);
  expect(json).toMatchObject({ ready: false, load: { state: 'Failed', failure: { code: error.code } } });
  expect((await infer(running, {})).status).toBe(503);
  return [error.code, error.message] as [string, string];
}

export async function written(content: unknown): Promise<string> {
  const path = join(await temporaryFolder(), 'golden.json');
  await writeFile(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
}

export const x = (data: unknown, shape = [1]) => ({ name: 'x', datatype: 'FP32', shape, data });
export const y = (data: unknown, shape = [1]) => ({ name: 'y', datatype: 'FP32', shape, data });
export const one = (inputs: unknown[], outputs: unknown[], name?: string) => ({
  requests: [{ name, inputs, outputs }],
});
